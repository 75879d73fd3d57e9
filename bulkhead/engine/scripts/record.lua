-- record: what was done before, across jobs. Joined in front of the verbs that look it up or write it.
--
-- An app's entries lie in a book, hashes `done:<app>:<bucket>`, each so small that it stays a listpack; the hash
-- `done:<app>` tells their `count` and how many `buckets` there are. Linear hashing: with every LOAD
-- entries one more bucket is split, so no write ever moves more than one bucket. A bucket about to be
-- split holds twice the mean, which with its scatter must stay below the 128 entries of a listpack.
--
-- An entry: address → content digest (8 bytes), serial of the job (4), unix seconds (4), flags (1).

local LOAD = 40
local ENTRY = '>I4I4I4I4B'
local HAS_TOKEN = 1

-- `name` is that of the hash, without the root; the buckets' names go on with their numbers. `hash` makes a number of
-- what an entry is about, where that needs no digest. A book whose entries need to be kept for so many `seconds` only
-- has buckets that end so long after they were begun.
local function open_book(name, hash, seconds)
  local it = read(key(name), 'count', 'buckets')
  local book = { name = name, known = it.buckets, count = num(it.count, 0), buckets = num(it.buckets, 1), size = 1,
    hash = hash, seconds = seconds }
  while book.size * 2 <= book.buckets do book.size = book.size * 2 end
  return book
end

local function close_book(book)
  if not book.written then return end
  redis.call('HSET', key(book.name), 'count', book.count, 'buckets', book.buckets)
  if book.seconds then redis.call('EXPIRE', key(book.name), book.seconds) end
end

local function record_of(app) return open_book('done:' .. app) end

local function bucket(book, address)
  local hash = book.hash and book.hash(address) or tonumber(string.sub(redis.sha1hex(address), 1, 8), 16)
  local at = hash % (book.size * 2)
  if at >= book.buckets then at = hash % book.size end
  return key(book.name, whole(at))
end

local function split(book)
  local source = key(book.name, whole(book.buckets - book.size))
  local entries = redis.call('HGETALL', source)
  redis.call('DEL', source)
  book.buckets = book.buckets + 1
  if book.size * 2 <= book.buckets then book.size = book.size * 2 end
  local halves = {}
  for i = 1, #entries, 2 do
    local where = bucket(book, entries[i])
    local half = halves[where] or {}
    half[#half + 1], half[#half + 2] = entries[i], entries[i + 1]
    halves[where] = half
  end
  for where, half in pairs(halves) do
    redis.call('HSET', where, unpack(half))
    if book.seconds then redis.call('EXPIRE', where, book.seconds) end
  end
end

-- The entry as {digest, serial, at, flags}, or nil.
local function look_up(book, address, where)
  local packed = redis.call('HGET', where or bucket(book, address), address)
  if not packed then return end
  local high, low, serial, at, flags = struct.unpack(ENTRY, packed)
  return { digest = string.format('%08x%08x', high, low), serial = serial, at = at, flags = flags }
end

local function pack_entry(digest, serial, flags)
  local high, low = tonumber(string.sub(digest, 1, 8), 16), tonumber(string.sub(digest, 9, 16), 16)
  return struct.pack(ENTRY, high, low, serial, math.floor(NOW / 1000000), flags)
end

-- Writes with HSET, or with HSETNX what is to be written only where nothing stands. True if it is new.
local function write_entry(book, address, where, packed, command)
  local new = redis.call(command, where, address, packed)
  if book.seconds and not book.known and not book.written then redis.call('EXPIRE', where, book.seconds) end
  book.written = true
  if new == 0 then return false end
  book.count = book.count + 1
  if book.count > LOAD * book.buckets then split(book) end
  return true
end

-- The number by which the record names a job; a job has one from its first entry on. `it` are the job's fields, as
-- far as they are known.
local function serial_of(job, it)
  local serial = it.serial or redis.call('HGET', key('job', job), 'serial')
  if not serial then
    serial = redis.call('INCR', key('serial'))
    redis.call('HSET', key('job', job), 'serial', serial)
    it.serial = whole(serial)
    redis.call('HSET', key('serials'), serial, job)
    local left = living[job] and -1 or redis.call('TTL', key('job', job))
    -- A late truth about a job that has ended: forgotten with it all the same.
    if left > 0 then redis.call('ZADD', key('expiry'), whole(NOW + left * 1000000), '# ' .. serial) end
  end
  return tonumber(serial)
end

-- done: [[address, digest or '' to keep what stands there, 1 if a token was issued]…]; forget: addresses
-- that are gone; revoked: addresses whose token is.
local function remember(app, job, it, done, forget, revoked)
  if #done + #forget + #revoked == 0 then return end
  local book, serial = record_of(app), #done > 0 and serial_of(job, it)
  for _, entry in ipairs(done) do
    local address, digest, flags = entry[1], entry[2], entry[3]
    local where = bucket(book, address)
    local packed = pack_entry(digest == '' and '0000000000000000' or digest, serial, flags)
    -- What is new, as most is, needs no look at what was there.
    if not write_entry(book, address, where, packed, 'HSETNX') then
      local before = look_up(book, address, where)
      if digest == '' then digest = before.digest end
      write_entry(book, address, where, pack_entry(digest, serial, math.max(flags, before.flags)), 'HSET')
    end
  end
  for _, address in ipairs(forget) do
    book.count = book.count - redis.call('HDEL', bucket(book, address), address)
  end
  for _, address in ipairs(revoked) do
    local where = bucket(book, address)
    local before = look_up(book, address, where)
    if before then write_entry(book, address, where, pack_entry(before.digest, before.serial, 0), 'HSET') end
  end
  book.written = true
  close_book(book)
end
