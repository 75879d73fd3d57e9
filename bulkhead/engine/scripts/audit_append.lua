#!lua flags=allow-oom
-- audit_append: put entries at the end of the audit's chain, if it still ends where their maker saw it.
--
-- Also in a full store: what frees it, such as to cancel jobs, is written down before it is done. Sent
-- twice it puts them there once, because the chain has moved on.
--
-- KEYS[1]  root
-- ARGV[1]  the hash the chain ended with as it was seen, or ''   ARGV[2]  the stream's last id as it was seen
-- ARGV[3]  the hash it ends with then                            ARGV[4]  that entry's number
-- ARGV[5…] the entries, each: id, how many texts follow, and names and values in turn
-- returns  {1} if they were put there. Else, and without ARGV, nothing is written:
--          {0, hash, number, last id, milliseconds now, id of the key that the store names or ''}

local stream, head = key('audit'), key('audit', 'head')

-- Of what was ever there: an id below it is refused, also where that entry is gone.
local function last_id()
  if redis.call('EXISTS', stream) == 0 then return '0-0' end
  local about = redis.call('XINFO', 'STREAM', stream)
  for i = 1, #about, 2 do
    if about[i] == 'last-generated-id' then return about[i + 1] end
  end
end

local kept = read(head, 'hash', 'number')
local hash, last = kept.hash or '', last_id()
if hash ~= ARGV[1] or last ~= ARGV[2] then
  local number, at = whole(num(kept.number, 0)), whole(math.floor(WALL / 1000))
  return { 0, hash, number, last, at, redis.call('GET', key('key-id')) or '' }
end

local at = 5
while ARGV[at] do
  local texts = tonumber(ARGV[at + 1])
  redis.call('XADD', stream, ARGV[at], unpack(ARGV, at + 2, at + 1 + texts))
  at = at + 2 + texts
end
redis.call('HSET', head, 'hash', ARGV[3], 'number', ARGV[4])
return { 1 }
