#!lua flags=allow-oom
-- adopt: take over all that another worker had in hand. Sent twice it finds nothing left.
--
-- Joined with no prelude: the lists may be in a database of the broker's.
--
-- KEYS[1]  the other's list   KEYS[2]  the list that gets its elements, to be served first
-- returns  how many there were

local moved = 0
if KEYS[1] == KEYS[2] then return moved end
while redis.call('LMOVE', KEYS[1], KEYS[2], 'LEFT', 'RIGHT') do moved = moved + 1 end
return moved
