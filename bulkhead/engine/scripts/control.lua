#!lua flags=allow-oom
-- control: pause, resume or cancel a job; pause or resume an app or a tenant; drain a worker. One write,
-- whatever the size.
--
-- Compare-and-set on the job's version where one is given. What was granted before a pause is not begun
-- after it; what was begun before starts no call later than two seconds after its claim.
--
-- KEYS[1]  root
-- ARGV[1]  'job' | 'app' | 'tenant' | 'worker'     ARGV[2]  its id
-- ARGV[3]  'pause' | 'resume' | 'cancel' | 'place' | 'forget_pace' | 'drain'
-- ARGV[4]  expected version or ''     ARGV[5]  by whom  ARGV[6]  why
-- returns  {'ok' | 'same' | 'none' | 'version' | 'state' | 'stopped', its state}

local kind, id, verb, expected, by, why = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]

local function settled_state(wanted, state)
  if (wanted == 'cancel' and state == 'cancelled') or (wanted == 'pause' and state == 'paused')
    or (wanted == 'resume' and (is_open(state) or state == 'scheduled')) then return { 'same', state } end
end

local function control_job()
  local it = read(key('job', id), 'state', 'by', 'failed', unpack(LIFE))
  if not it.state then return { 'none', '' } end
  if expected ~= '' and expected ~= it.version then return { 'version', it.state } end
  local same = settled_state(verb, it.state)
  if same and verb == 'pause' and it.by == 'auth_failure' then
    -- A person's word is kept: a new token must not resume what somebody paused meanwhile.
    redis.call('HSET', key('job', id), 'by', by, 'why', why)
    redis.call('HINCRBY', key('job', id), 'version', 1)
  end
  if verb == 'resume' and it.state == 'paused' and it.by == window.BY then same = { 'same', it.state } end
  if same and verb == 'pause' and it.by == window.BY then
    -- Nor must the opening of its window.
    transition(id, 'paused', by, why)
    return { 'ok', 'paused' }
  end
  if same then return same end
  -- A draft can be cancelled only: paused, it would never be sealed.
  local may = is_live(it.state) or (it.state == 'validating' and verb == 'cancel')
  if not may or (verb == 'resume' and it.state ~= 'paused') then return { 'state', it.state } end
  if verb == 'resume' and not it.apps and redis.call('HGET', key('app', it.app), 'state') == 'stopped' then
    return { 'stopped', it.state }
  end
  local after, whose, reason = verb == 'pause' and 'paused' or 'cancelled', by, why
  if verb == 'resume' then
    after, whose, reason = window.freed(it)
    if after ~= 'paused' then whose, reason = by, why end
  end
  if verb == 'resume' and it.by == 'error_budget' then
    redis.call('HSET', key('job', id), 'budget_from', it.failed or '0')
  end
  transition(id, after, whose, reason)
  tell_app(id, it.app, it.apps)
  if it.apps and verb == 'resume' then begin_visit(id, 0, num(it.apps)) end
  return { 'ok', after }
end

local function control_app()
  local state = redis.call('HGET', key('app', id), 'state')
  if not state then return { 'none', '' } end
  if verb == 'pause' then
    if state == 'stopped' then return { 'stopped', state } end
    redis.call('HSET', key('app', id), 'state', 'paused', 'why', why, 'since', whole(NOW))
  elseif verb == 'forget_pace' then
    forget_pace(id)
  elseif verb == 'resume' then
    redis.call('HSET', key('app', id), 'state', 'active', 'why', '', 'code', '', 'since', whole(NOW))
    forget_pace(id)
    sweep(id, '0')
  end
  place(id)
  return { 'ok', redis.call('HGET', key('app', id), 'state') }
end

local function control_tenant()
  if redis.call('EXISTS', key('tenant', id)) == 0 then return { 'none', '' } end
  if verb ~= 'place' then
    redis.call('HSET', key('tenant', id), 'state', verb == 'pause' and 'paused' or 'active', 'why', why,
      'since', whole(NOW))
  end
  for _, name in ipairs(redis.call('SMEMBERS', key('tenant', id, 'apps'))) do place(name) end
  return { 'ok', redis.call('HGET', key('tenant', id), 'state') }
end

-- Its next claims are answered with nothing, so it ends when what it holds is done.
local function control_worker()
  if not redis.call('ZSCORE', key('worker'), id) then return { 'none', '' } end
  redis.call('HSET', key('worker', id), 'draining', whole(NOW))
  return { 'ok', 'draining' }
end

if kind == 'worker' then return control_worker() end
if kind == 'job' then return control_job() end
if kind == 'app' then return control_app() end
return control_tenant()
