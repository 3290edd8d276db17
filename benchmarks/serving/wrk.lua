-- One request a line of a file, in turn; figures as one line of JSON. Ten # are a number that is used once, and
-- greater than those before: no decision is asked for twice.
local requests, next_one, number = {}, 0, os.time() % 100000 * 100000

local function next_number()
  number = number + 1
  return string.format("%010d", number)
end

function init(args)
  local headers = {["Content-Type"] = "application/json"}
  if args[3] and args[3] ~= "" then headers["X-API-Key"] = args[3] end
  for line in io.lines(args[2]) do
    requests[#requests + 1] = wrk.format("POST", args[1], headers, line)
  end
end

function request()
  next_one = next_one % #requests + 1
  return (requests[next_one]:gsub("##########", next_number))
end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "seconds": %.6f, "p50": %.6f, "p99": %.6f, "p999": %.6f, "max": %.6f, "errors": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    latency:percentile(99.9) / 1e3, latency.max / 1e3,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
