import fc from "fast-check";

/** Queries that a real Prometheus and the embedded evaluator must answer alike, by the rank of the contract's 6.1. */
export const queries: readonly string[] = `
sum(http_requests_total)
rate(http_requests_total[1m])
rate(http_requests_total[5m])
rate(http_requests_total[30m])
irate(http_requests_total[40s])
irate(http_requests_total[5m])
sum(rate(http_requests_total{code!~"5.*"}[2m])) / sum(rate(http_requests_total[2m]))
sum(irate(istio_requests_total{reporter="source",destination_service=~"istio-rollout-canary.default.svc.cluster.local",response_code!~"5.*"}[40s])) / sum(irate(istio_requests_total{reporter="source",destination_service=~"istio-rollout-canary.default.svc.cluster.local"}[40s]))
sum(irate(istio_requests_total{reporter="source",destination_service=~"canary.default.svc.cluster.local",response_code!~"5.*"}[40s]))
http_requests_total{code=~"2.."}
http_requests_total{code=~"4.*|5.*"}
http_requests_total{code=~"(200|201)"}
http_requests_total{code=~"[^5].*"}
http_requests_total{code=~"0"}
http_requests_total{code!="200", job="api"}
http_requests_total{nothing=""}
http_requests_total{job!=""}
istio_requests_total{empty="", reporter="source"}
{__name__=~"memory.*|queue.*"}
{__name__="memory_bytes", job=~"(?i:API)"}
odd{kind=~"(?s).*line.*"}
sum by (job) (rate(http_requests_total[5m]))
sum(rate(http_requests_total[5m])) by (job, code)
sum without (instance) (http_requests_total)
SUM BY (job,) (http_requests_total)
100 - sum(rate(http_requests_total{code="200"}[3m])) / sum(rate(http_requests_total[3m])) * 100
1 - (sum(rate(http_requests_total{code=~"5.."}[3m])) / sum(rate(http_requests_total[3m])))
histogram_quantile(0.5, sum(rate(duration_milliseconds_bucket[5m])) by (le))
histogram_quantile(0.9, sum(rate(duration_milliseconds_bucket[5m])) by (le))
histogram_quantile(0.95, sum(rate(duration_milliseconds_bucket[5m])) by (le, job))
histogram_quantile(0.99, duration_milliseconds_bucket)
histogram_quantile(0, duration_milliseconds_bucket)
histogram_quantile(1, duration_milliseconds_bucket)
histogram_quantile(-1, duration_milliseconds_bucket)
histogram_quantile(2, duration_milliseconds_bucket)
histogram_quantile(NaN, duration_milliseconds_bucket)
histogram_quantile(0.5, duration_milliseconds_bucket{le!="+Inf"})
histogram_quantile(0.5, duration_milliseconds_bucket{le=~"10|.Inf"})
histogram_quantile(0.5, duration_milliseconds_bucket{le="+Inf"})
histogram_quantile(0.5, duration_milliseconds_bucket * 0)
histogram_quantile(0.5, -duration_milliseconds_bucket)
histogram_quantile(0.5, memory_bytes)
rate(duration_milliseconds_sum[5m]) / rate(duration_milliseconds_count[5m])
increase(http_requests_total[10m])
increase(gap_total[20m])
increase(gap_total[9m])
delta(memory_bytes[5m])
delta(http_requests_total[15m])
idelta(memory_bytes[5m])
missing or vector(0)
missing or on() vector(1)
sum(missing) or vector(0)
http_requests_total or vector(0)
http_requests_total or on() vector(1)
sum(http_requests_total) or vector(0)
sum(missing)
count(missing)
avg(http_requests_total)
avg by (job) (memory_bytes)
max without (instance) (memory_bytes)
min(odd)
max(odd)
min by (kind) (odd)
count(odd)
count by (job, nothing) (memory_bytes)
group by (job) (memory_bytes)
stddev(memory_bytes)
stdvar by (job) (memory_bytes)
stddev(odd{kind="constant"})
avg(odd{kind!="nan"})
sum(odd)
quantile(0.5, memory_bytes)
quantile(0.9, http_requests_total) by (job)
quantile(-1, memory_bytes)
quantile(2, memory_bytes)
quantile(NaN, memory_bytes)
topk(2, memory_bytes)
bottomk(2, memory_bytes)
topk(1, memory_bytes) by (job)
topk(0, memory_bytes)
topk(100, memory_bytes)
bottomk(1, http_requests_total) by (code)
count_values("value", version_info)
count_values("value", odd) without (kind)
count_values by (job) ("size", queue_length)
absent(missing)
absent(missing{job="api", code=~"5.."})
absent(missing{job="api", job="web"})
absent(memory_bytes)
absent(sum(missing{job="api"}))
absent_over_time(missing{job="api"}[5m])
absent_over_time(memory_bytes[5m])
clamp_min(memory_bytes, 0)
clamp_max(memory_bytes, 100)
clamp(memory_bytes, -10, 500)
clamp(memory_bytes, 500, -10)
clamp(odd, 0, 10)
scalar(memory_bytes)
scalar(sum(memory_bytes))
vector(1) + scalar(sum(memory_bytes))
vector(time())
memory_bytes > 0
0 < memory_bytes
memory_bytes > bool 0
0 > bool memory_bytes
memory_bytes == memory_bytes
odd == odd
odd != bool odd
version_info == 1
1 == bool 1
1 > bool 2
memory_bytes and queue_length
memory_bytes and on(job) queue_length
memory_bytes unless on(job) queue_length{job="api"}
memory_bytes or queue_length
http_requests_total and ignoring(code) memory_bytes
memory_bytes{job="api"} or on(job) memory_bytes
memory_bytes * on(job, instance) version_info
memory_bytes * on(job, instance) group_left(version) version_info
version_info * on(job, instance) group_right(version) memory_bytes
http_requests_total / ignoring(code) group_left memory_bytes
http_requests_total * on(job) group_left queue_length
http_requests_total * on(job) queue_length
queue_length * on(job) http_requests_total
http_requests_total * http_requests_total
http_requests_total{code="500"} / http_requests_total{code="200"}
http_requests_total{code="500"} / ignoring(code) http_requests_total{code="200"}
http_requests_total > on(job, instance) group_left memory_bytes
memory_bytes > on(job, instance) version_info
memory_bytes < bool on(job, instance) version_info
memory_bytes * on(missing) version_info
memory_bytes + on(job, instance) group_left(version) version_info * 2
abs(memory_bytes atan2 on(job) group_left queue_length)
avg_over_time(memory_bytes[5m])
max_over_time(memory_bytes[5m])
min_over_time(memory_bytes[5m])
sum_over_time(memory_bytes[5m])
count_over_time(memory_bytes[5m])
last_over_time(memory_bytes[5m])
present_over_time(memory_bytes[5m])
stddev_over_time(memory_bytes[5m])
stdvar_over_time(memory_bytes[5m])
quantile_over_time(0.9, memory_bytes[5m])
quantile_over_time(2, memory_bytes[5m])
min_over_time(odd[5m])
max_over_time(odd[5m])
avg_over_time(odd[5m])
sum_over_time(odd[5m])
count_over_time(gap_total[30m])
changes(queue_length[10m])
changes(odd[10m])
resets(http_requests_total[30m])
deriv(memory_bytes[10m])
deriv(odd{kind="constant"}[10m])
deriv(queue_length[30s])
predict_linear(memory_bytes[10m], 3600)
predict_linear(memory_bytes[10m] offset 5m, 60)
holt_winters(memory_bytes[10m], 0.3, 0.6)
holt_winters(memory_bytes[10m], 2, 0.6)
round(memory_bytes)
round(memory_bytes, 0.5)
round(memory_bytes / 1000, 0.01)
floor(memory_bytes)
ceil(memory_bytes)
abs(memory_bytes)
sgn(memory_bytes)
sgn(odd)
sqrt(abs(memory_bytes))
ln(memory_bytes)
log2(abs(memory_bytes))
log10(abs(memory_bytes))
exp(memory_bytes / 1000)
sin(memory_bytes)
tanh(memory_bytes / 1000)
acosh(abs(memory_bytes))
deg(memory_bytes)
rad(memory_bytes)
pi()
label_replace(memory_bytes, "host", "$1", "instance", "(.*):.*")
label_replace(memory_bytes, "host", "x", "instance", "nomatch")
label_replace(memory_bytes, "instance", "", "instance", ".*")
label_replace(memory_bytes, "instance", "same", "instance", ".*")
label_replace(memory_bytes, "host", "\${name}-$2-$$", "instance", "(?P<name>.*):(.*)")
label_replace(memory_bytes, "__name__", "renamed", "", "")
label_replace(memory_bytes, "bad-name", "x", "instance", ".*")
label_join(memory_bytes, "both", "-", "job", "instance")
label_join(memory_bytes, "job", "", "missing")
label_join(memory_bytes, "both", "-")
time()
timestamp(memory_bytes)
timestamp((memory_bytes))
timestamp(memory_bytes + 0)
timestamp(memory_bytes offset 1m)
sort(memory_bytes)
sort_desc(memory_bytes)
sort(odd)
sort_desc(odd)
memory_bytes offset 5m
memory_bytes offset -5m
rate(http_requests_total[5m] offset 10m)
http_requests_total - http_requests_total offset 1m
memory_bytes[2m]
memory_bytes[1m] offset 3m
rate(http_requests_total[1m])[5m:1m]
max_over_time(rate(http_requests_total[1m])[10m:30s])
avg_over_time(sum(memory_bytes)[10m:])
max_over_time(memory_bytes[5m:13s] offset 2m)
sum_over_time((memory_bytes > 0)[10m:1m])
min_over_time(rate(http_requests_total[2m])[5m:30s] offset 1m)
absent_over_time(missing[5m:1m])
count_over_time(vector(1)[5m:1m])
max_over_time(max_over_time(memory_bytes[59500ms:10s])[5m:1m])
memory_bytes @ start()
rate(http_requests_total[5m] @ end())
2 ^ 3 ^ 2
-2 ^ 2
2 * -3
7 % 4
-7 % 4
5 / 0
0 / 0
5 % 0
1 + 2 * 3 - 4 / 5
1 - 2 - 3
10 - memory_bytes
memory_bytes % 100
memory_bytes ^ 2
2 ^ (queue_length / 3)
-memory_bytes
+memory_bytes
- sum(memory_bytes) * 2
(memory_bytes)
-{__name__=~"memory_bytes|version_info"}
{__name__=~"memory_bytes|version_info"} * 1
abs({__name__=~"memory_bytes|version_info"})
rate({__name__=~"memory_bytes|version_info"}[5m])
1 atan2 2
NaN
Inf
-Inf
0x1F
1e3
.5
"a string"
'with "quotes" and \\n'
hour()
minute()
year()
month()
day_of_month()
day_of_week()
day_of_year()
days_in_month()
hour(clock_seconds)
minute(clock_seconds)
day_of_week(clock_seconds)
day_of_month(clock_seconds)
day_of_year(clock_seconds)
days_in_month(clock_seconds)
month(clock_seconds)
year(clock_seconds)
vanishing_total
count(vanishing_total)
rate(vanishing_total[5m])
increase(vanishing_total[20m])
count_over_time(vanishing_total[30m])
last_over_time(vanishing_total[20m])
vanishing_total[4m]
changes(vanishing_total[15m])
vanishing_total offset 5m
irate(vanishing_total[30m])
max_over_time(vanishing_total[10m:30s])
http_requests_total{job="web",code="500"}
sum by (le) (duration_milliseconds_bucket) / ignoring(le) group_left sum(duration_milliseconds_count)
sum(rate(http_requests_total{code=~"5.."}[1m])) / sum(rate(http_requests_total[1m])) > 0.05 or vector(0)
`
  .trim()
  .split("\n");

/** Texts that are no queries: type and message must be the real one's. */
export const badQueries: readonly string[] = `
sum(
sum(x
sum(x))
foo bar
foo{a="b"
foo{a}
foo{a=b}
foo{a=~"["}
{}
{a=~".*"}
foo{__name__="bar"}
1 > 2
1 and 2
x + on(a) 1
x + bool y
"a" + 1
rate(x)
rate(x[5m]
x[5m] + 1
abs(1)
abs()
abs(x, y)
foo(x)
Sum_over_time(x[5m])
topk(x)
sum()
sum(1)
sum("a")
topk("a", x)
(x + y) offset 5m
x offset 5m offset 5m
x @ foo
x @
(x+y)[5m]
x offset 5m [5m]
x[5m][5m]
x[5m:1m][5m]
x and on(a) group_left(b) y
x + on(a) group_left(a) y
x == bool
$x
sum by (1) (x)
sum by a (x)
-"a"
-x[5m]
1 +
* 2
'a
"a\\q"
label_replace(x, "a")
x{a="1" b="2"}
x{a=}
x{="a"}
sum by
x offset 1m1h
time(1)
vector(x)
scalar(1)
histogram_quantile(x)
histogram_quantile("a", x)
count_values(1, x)
label_replace(x, "a", "b", "c", "(")
x or 1
a == 1 ==
x ! y
x =~ y
x{a=~"(?=b)"}
x{a=~"a**"}
x{a=~"*a"}
x{a=~"\\\\1"}
sum(x) by (a) by (b)
time() @ 5
sum(x) @ 5
x @ 5 @ 6
x @ NaN
x{a="b"} {c="d"}
x[5m:1m:1m]
x[5m
x[5mm]
rate(x{a="b"[5m])
x ; y
foo{a="b'}
count_values("1a", vector(1))
topk(NaN, vector(1))
a{b="c"}}
a]
`
  .trim()
  .split("\n");

const duration = fc.constantFrom("30s", "1m", "90s", "4m", "10m");
const quantile = fc.constantFrom("0", "0.25", "0.5", "0.9", "1");
const labelList = fc.subarray(["job", "instance", "code", "le"], { minLength: 0 }).map((labels) => labels.join(", "));

const counterSelector = fc.constantFrom(
  "http_requests_total",
  'http_requests_total{job="api"}',
  'http_requests_total{code=~"2..|5.."}',
  'http_requests_total{instance!="a:80"}',
  "gap_total",
  "vanishing_total",
  "duration_milliseconds_bucket",
  'istio_requests_total{reporter="source"}',
);
const gaugeSelector = fc.constantFrom("memory_bytes", 'memory_bytes{job="api"}', "queue_length", "version_info");
const shifted = (selector: fc.Arbitrary<string>) =>
  fc.oneof(
    { weight: 4, arbitrary: selector },
    fc.tuple(selector, duration).map(([text, by]) => `${text} offset ${by}`),
  );

const overTime = fc.constantFrom("avg", "min", "max", "sum", "count", "last", "stddev", "present");
const ofCounter = fc.constantFrom("rate", "irate", "increase", "resets", "changes");
const ofGauge = fc.constantFrom("delta", "idelta", "deriv", "changes");
const ofValue = fc.constantFrom("abs", "ceil", "floor", "sgn", "sqrt", "deg", "cos");
const aggregator = fc.constantFrom("sum", "avg", "min", "max", "count", "group", "stdvar");
const arithmetic = fc.constantFrom("+", "-", "*", "/", "%", "^");
const comparison = fc.constantFrom("<", ">", "<=", ">=", "!=", "> bool", "<= bool");
const setOperator = fc.constantFrom("and", "or", "unless");
const literal = fc.constantFrom("0", "1", "2.5", "-3", "100", "1e3");

/** Expressions from the grammar, subqueries with a step that no window is a multiple of (see samples.ts), at most a few levels deep, over the metrics of samples.ts. */
export const generated: fc.Arbitrary<string> = fc.letrec<{ vector: string; range: string; matched: string }>((tie) => ({
  range: fc.oneof(
    { weight: 3, arbitrary: fc.tuple(ofCounter, counterSelector, duration).map(([f, s, d]) => `${f}(${s}[${d}])`) },
    fc.tuple(ofGauge, gaugeSelector, duration).map(([f, s, d]) => `${f}(${s}[${d}])`),
    fc.tuple(overTime, gaugeSelector, duration).map(([f, s, d]) => `${f}_over_time(${s}[${d}])`),
    fc.tuple(ofCounter, counterSelector, duration, duration).map(([f, s, d, o]) => `${f}(${s}[${d}] offset ${o})`),
    fc.tuple(quantile, gaugeSelector, duration).map(([q, s, d]) => `quantile_over_time(${q}, ${s}[${d}])`),
    fc.tuple(overTime, tie("vector"), duration).map(([f, v, d]) => `${f}_over_time((${v})[${d}:19s])`),
  ),
  matched: fc.oneof(
    fc.tuple(gaugeSelector, arithmetic, gaugeSelector).map(([a, op, b]) => `${a} ${op} on(job) group_left ${b}`),
    fc
      .tuple(counterSelector, arithmetic, gaugeSelector)
      .map(([a, op, b]) => `${a} ${op} ignoring(code) group_left ${b}`),
    fc.tuple(tie("vector"), setOperator, tie("vector")).map(([a, op, b]) => `(${a}) ${op} on(job, instance) (${b})`),
    fc.tuple(tie("vector"), setOperator, tie("vector")).map(([a, op, b]) => `(${a}) ${op} (${b})`),
    fc.tuple(tie("vector"), arithmetic, tie("vector")).map(([a, op, b]) => `(${a}) ${op} (${b})`),
    fc.tuple(tie("vector"), comparison, literal).map(([a, op, b]) => `(${a}) ${op} ${b}`),
    fc.tuple(literal, arithmetic, tie("vector")).map(([a, op, b]) => `${a} ${op} (${b})`),
  ),
  vector: fc.oneof(
    { maxDepth: 4 },
    shifted(counterSelector),
    shifted(gaugeSelector),
    tie("range"),
    tie("matched"),
    fc.tuple(aggregator, labelList, tie("vector")).map(([f, by, v]) => `${f} by (${by}) (${v})`),
    fc.tuple(aggregator, labelList, tie("vector")).map(([f, by, v]) => `${f}(${v}) without (${by})`),
    fc.tuple(ofValue, tie("vector")).map(([f, v]) => `${f}(${v})`),
    fc.tuple(quantile, tie("vector")).map(([q, v]) => `quantile(${q}, ${v})`),
    fc.tuple(quantile, duration).map(([q, d]) => `histogram_quantile(${q}, rate(duration_milliseconds_bucket[${d}]))`),
    tie("vector").map((v) => `absent(${v})`),
    tie("vector").map((v) => `label_replace(${v}, "host", "$1", "instance", "(.*):.*")`),
    tie("vector").map((v) => `-(${v})`),
  ),
})).vector;
