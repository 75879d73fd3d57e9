#!lua
-- group: let a job make groups, tell which of those that are listed is its own, or forget an app's record.
--
-- KEYS[1]  root      ARGV[2]  app
-- ARGV[1]  'claim'   ARGV[3] job   ARGV[4] JSON list of {by, index, custom_id, name, digest}: what the job is about to make
--          'adopt'   ARGV[3] JSON {by, name, gids (of all that are listed under that name), full (there may be more),
--                    again (it may be made if it is not there)}   ARGV[4] JSON to keep of the group if it is there
--          'forget'
-- returns  'claim': for each {'known', gid, JSON on our record, ''} | {'own', '', '', ''}
--          | {'doubt', '', '', digest of the row that it was about} | {'taken', '', '', the job that is about to make it}
--          own = make it; doubt = it may be there from an earlier job: look first
--          'adopt': {'one', gid} (now on our record) | {'none', ''} | {'many', ''}
--          'forget': the number of keys that were deleted

local verb, app = ARGV[1], ARGV[2]

if verb == 'forget' then
  return redis.call('DEL', key('app', app, 'groups'), key('app', app, 'gids'), groups.asked(app), groups.names(app))
end

-- False only for a row that its job, ended by now, never sent: those it had sent and not confirmed are `unknown`.
local function may_be_made(it)
  if it.doubt then return true end
  local map = key('job', it.job, 'map')
  if redis.call('EXISTS', map) == 0 then return true end
  return redis.call('BITFIELD', map, 'GET', 'u4', '#' .. whole(it.index))[1] ~= PENDING
end

local function claim(job, want)
  local gid = want.custom_id ~= '' and redis.call('HGET', key('app', app, 'groups'), want.custom_id)
  if gid then return { 'known', gid, redis.call('HGET', key('app', app, 'gids'), gid) or '', '' } end
  local text = redis.call('HGET', groups.asked(app), want.by)
  local it = text and cjson.decode(text)
  if it and it.job == job then return { it.doubt and 'doubt' or 'own', '', '', it.doubt and it.digest or '' } end
  if it and may_send(it.job) then return { 'taken', '', '', it.job } end
  local doubt = it and may_be_made(it) or false
  -- What is in doubt was asked for as it was then: under another name it would not be found.
  local told = doubt and it or want
  if it and not doubt then groups.end_asked(app, want.by, true) end
  if redis.call('EXISTS', key('app', app)) == 1 then
    groups.write_asked(app, want.by,
      { job = job, index = want.index, name = told.name, digest = told.digest, doubt = doubt })
  end
  return { doubt and 'doubt' or 'own', '', '', doubt and told.digest or '' }
end

if verb == 'claim' then
  local answers = {}
  for i, want in ipairs(cjson.decode(ARGV[4])) do answers[i] = claim(ARGV[3], want) end
  return answers
end

local asked, mine = cjson.decode(ARGV[3]), {}
for _, gid in ipairs(asked.gids) do
  local text = redis.call('HGET', key('app', app, 'gids'), gid)
  if not text or cjson.decode(text).by == asked.by then mine[#mine + 1] = gid end
end
if #mine == 0 and not asked.full then
  local text = redis.call('HGET', groups.asked(app), asked.by)
  if text and asked.again then
    local it = cjson.decode(text)
    it.doubt = false
    groups.write_asked(app, asked.by, it)
  end
  return { 'none', '' }
end
-- Another one of this name that is not told of yet may be what is listed.
local others = num(redis.call('HGET', groups.names(app), asked.name), 0) - redis.call('HEXISTS', groups.asked(app), asked.by)
if #mine ~= 1 or asked.full or others > 0 then return { 'many', '' } end
groups.put(app, mine[1], ARGV[4])
return { 'one', mine[1] }
