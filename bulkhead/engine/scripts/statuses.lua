#!lua flags=allow-oom
-- statuses: what a session has heard about messages of its app, each counted with its job.
--
-- A message is known by the number it was given when its job was made; one that was sent otherwise by what `settle`
-- noted. An item that is unknown has succeeded once its message is known to be accepted. Sent twice it changes nothing.
--
-- KEYS[1]  root
-- ARGV[1]  app
-- ARGV[2]  JSON [[low word of a mid, digest of the recipient, rank, digest of a member or 0]…]
-- returns  {how many were about a message of a job, how many items were unknown until now}

local app, told = ARGV[1], cjson.decode(ARGV[2])
local placed, confirmed, epochs = 0, 0, nil
deliveries()

for _, row in ipairs(told) do
  local mid, digest, rank, member = unpack(row)
  local job, index = delivery.find_numbered(app, mid)
  if not job then
    epochs = epochs or delivery.epochs_of(app)
    job, index = delivery.find_sent(app, epochs, mid, { digest })
  end
  if job then
    placed = placed + 1
    delivery.raise(job, index, rank, member)
    if delivery.is_sent(job, index) and confirm(job, index) then confirmed = confirmed + 1 end
  end
end
delivery.finish()
return { placed, confirmed }
