-- take: move the next message (or notice) to a worker's own list, which keeps it until it is done.
--
-- What the worker has in hand already comes first: an answer of ours may have been lost. Then the
-- most urgent list, in the order in which Celery's own consumer reads them. Joined with no prelude:
-- the lists may be in a database of the broker's.
--
-- KEYS[1]  the worker's list
-- KEYS[2…] the front lists, most urgent first; messages enter on the left
-- returns  the message, or nothing

local held = redis.call('LINDEX', KEYS[1], -1)
if held then return held end
for i = 2, #KEYS do
  local message = redis.call('LMOVE', KEYS[i], KEYS[1], 'RIGHT', 'LEFT')
  if message then return message end
end
return nil
