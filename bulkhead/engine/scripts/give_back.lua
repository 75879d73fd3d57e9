#!lua flags=allow-oom
-- give_back: return leases that were granted and never begun, permits and virtual time included.
--
-- KEYS[1]  root
-- ARGV[1]  worker     ARGV[2…]  leases
-- returns  how many were returned; one that has ended already is passed over

local returned = 0
for i = 2, #ARGV do
  local lease = read_lease(ARGV[i])
  if lease.worker == ARGV[1] and lease.state == 'granted' then
    end_granted(lease)
    returned = returned + 1
  end
end
return returned
