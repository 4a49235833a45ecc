/**
 * Takes one request from all scopes or from none, in one step on Redis' own clock.
 *
 * A scope is a hash: a count per bucket of time, `t` their sum and `h` the oldest bucket that may still hold
 * something. A sliding window keeps one bucket more than it spans, so that in no span of the window's length more than
 * the limit passes; the price is that a request is forgotten up to one bucket late.
 *
 * KEYS the scopes. ARGV: bucket width in ms, buckets kept, then limit and wanted lease per scope.
 * Answers {index of the scope that is used up or 0, wait in ms, bucket, then per scope: used, lease granted, ms until
 * something is free again}.
 */
export const TAKE_SCRIPT = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local width, keep = tonumber(ARGV[1]), tonumber(ARGV[2])
local current = math.floor(now / width)
local first = current - keep + 1
local totals, heads, refused, wait = {}, {}, 0, 0
for i, key in ipairs(KEYS) do
  local state = redis.call('HMGET', key, 't', 'h')
  local total, head = tonumber(state[1]) or 0, tonumber(state[2]) or current
  if first - head > keep then
    redis.call('DEL', key)
    total, head = 0, current
  elseif head < first then
    for bucket = head, first - 1 do
      local count = redis.call('HGET', key, bucket)
      if count then
        total = total - tonumber(count)
        redis.call('HDEL', key, bucket)
      end
    end
    head = first
    redis.call('HSET', key, 't', total, 'h', head)
  end
  totals[i], heads[i] = total, head
  local limit = tonumber(ARGV[1 + 2 * i])
  if total + 1 > limit and refused == 0 then
    refused = i
    local left = total
    for bucket = head, current do
      left = left - (tonumber(redis.call('HGET', key, bucket)) or 0)
      if left + 1 <= limit then
        wait = (bucket + keep) * width - now
        break
      end
    end
  end
end
local answer = {refused, wait, current}
for i, key in ipairs(KEYS) do
  local lease = 0
  if refused == 0 then
    local limit, wanted = tonumber(ARGV[1 + 2 * i]), tonumber(ARGV[2 + 2 * i])
    lease = math.max(0, math.min(wanted, limit - totals[i] - 1))
    redis.call('HINCRBY', key, current, 1 + lease)
    redis.call('HSET', key, 't', totals[i] + 1 + lease, 'h', heads[i])
    redis.call('PEXPIRE', key, (keep + 1) * width)
    totals[i] = totals[i] + 1 + lease
  end
  answer[#answer + 1] = totals[i]
  answer[#answer + 1] = lease
  answer[#answer + 1] = (heads[i] + keep) * width - now
end
return answer
`;

/** Gives unused leases back. KEYS the scopes; ARGV: bucket and tokens per scope. */
export const RETURN_SCRIPT = `
for i, key in ipairs(KEYS) do
  local bucket, tokens = ARGV[2 * i - 1], tonumber(ARGV[2 * i])
  local count = tonumber(redis.call('HGET', key, bucket))
  if count and count >= tokens then
    redis.call('HINCRBY', key, bucket, -tokens)
    redis.call('HINCRBY', key, 't', -tokens)
  end
end
return #KEYS
`;
