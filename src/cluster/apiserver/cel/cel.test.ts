import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { check } from "./check.ts";
import { equals } from "./equality.ts";
import { CostExceeded, compile, Meter } from "./index.ts";
import { parse } from "./parser.ts";
import { buildProgram } from "./program.ts";
import { boolType, dynType, intType, listOf, mapOf, type ObjectType, stringType, type Type } from "./types.ts";
import { EvaluationError, ListValue, MapValue, type ObjectValue, type Value } from "./values.ts";

const COST_MAX = 1_000_000;

const podType: ObjectType = {
  kind: "object",
  fieldType: (name) =>
    ({
      name: stringType,
      replicas: intType,
      tags: listOf(stringType),
      labels: mapOf(stringType, stringType),
      any: dynType,
    })[name],
};

function objectValue(fields: Readonly<Record<string, Value>>): ObjectValue {
  return { isObject: true, fieldNames: Object.keys(fields), field: (name) => fields[name], unknownText: "{}" };
}

const self = objectValue({
  name: "web-1",
  replicas: 3n,
  tags: new ListValue(["a", "b"]),
  labels: MapValue.ofTexts([["app", "web"]]),
  any: "50%",
});

const variables: ReadonlyMap<string, Type> = new Map([["self", podType]]);

function evaluate(source: string, cost = COST_MAX): Value {
  const checked = check(parse(source), variables);
  assert.deepEqual(
    checked.problems.map(({ message }) => message),
    [],
    source,
  );
  return buildProgram(checked, ["self"]).run([self], new Meter(cost));
}

/** Each is true. The groups follow the documentation of CEL and of Kubernetes' libraries. */
const truths: Readonly<Record<string, readonly string[]>> = {
  literals: [
    "0x1F == 31",
    "1e3 == 1000.0",
    "-5 + 5 == 0",
    "'\\u00e9' == \"é\"",
    'r"\\d" == "\\\\d"',
    '"""a"b""" == \'a"b\'',
    "'\\x41\\101' == 'AA'",
    "b'\\xff'.size() == 1",
    "bytes('é').size() == 2",
    "[1, 2][1] == 2",
    "{'a': 1}.a == 1",
    "{1: 'x'}[1] == 'x'",
    "-9223372036854775808 < 0",
    "18446744073709551615u > 0u",
    "1 + 2 * 3 == 7 && (1 + 2) * 3 == 9",
    "7 / 2 == 3 && -7 / 2 == -3 && -7 % 3 == -1",
    "!!true",
    "true ? (false ? false : true) : false",
    "size('a') == 1 // a comment",
  ],
  "fields and logic": [
    "self.name == 'web-1'",
    "has(self.name) && !has(self.labels.x) && has(self.labels.app)",
    "self.labels['app'] == 'web' && 'app' in self.labels",
    "self.replicas > 2.5 && self.replicas < 4u",
    "self.tags.all(t, t.size() == 1) && self.tags.exists(t, t == 'b')",
    "self.name.startsWith('x') || 1 / self.replicas == 0",
    "(1 / 0 == 1) || true",
    "!((1 / 0 == 1) && false)",
    "type(self.any) == string && self.any.endsWith('%')",
    "type(self.replicas) == int && type(1.0) == double && type(1u) == uint && type(null) == null_type",
    "type([]) == list && type({}) == map && type(type(1)) == type && type(duration('1s')) == google.protobuf.Duration",
    "type(ip('::1')) == net.IP",
    "dyn(1) == 1.0 && dyn(1u) == 1 && dyn(1) != 'a'",
    "!(dyn(double('NaN')) == dyn(double('NaN')))",
  ],
  macros: [
    "[1, 2, 3].map(x, x * 2) == [2, 4, 6]",
    "[1, 2, 3].map(x, x > 1, x * 2) == [4, 6]",
    "[1, 2, 3].filter(x, x != 2) == [1, 3]",
    "[1, 2, 2].exists_one(x, x == 1) && ![1, 2, 2].exists_one(x, x == 2)",
    "{'a': 1, 'b': 2}.all(k, k in ['a', 'b'])",
    "[3, 2].exists(x, 6 / (x - 3) == -6)",
    "![0, 1].all(x, 1 / x == 0)",
    "[1, 2, 3].all(i, v, i < v)",
    "{'a': 'b'}.exists(k, v, k == 'a' && v == 'b')",
    "[1, 2, 1, 3].existsOne(i, v, i == 3 && v == 3)",
    "[1, 2, 3].transformList(i, v, i % 2 == 0, i * v + v) == [1, 9]",
    "{'a': 1}.transformList(k, v, k) == ['a']",
    "{'a': 1}.transformMap(k, v, v + 1) == {'a': 2}",
    "['x', 'y'].transformMap(i, v, v) == {0: 'x', 1: 'y'}",
    "{'a': 'b'}.transformMapEntry(k, v, {v: k}) == {'b': 'a'}",
    "['bb', 'a'].sortBy(t, t.size()) == ['a', 'bb']",
    "[[1, 2], [3]].map(x, x.map(x, x + 1)) == [[2, 3], [4]]",
    "[1].all(self, self == 1) && self.name != ''",
  ],
  optionals: [
    "self.?name.orValue('x') == 'web-1'",
    "self.labels.?x.orValue('none') == 'none'",
    "self.labels[?'x'].hasValue() == false",
    "self.tags[?0].value() == 'a' && !self.tags[?5].hasValue()",
    "optional.of(1).optMap(x, x + 1).value() == 2",
    "optional.none().optMap(x, x + 1).hasValue() == false",
    "self.?labels.optFlatMap(l, l[?'app']).orValue('') == 'web'",
    "optional.none().or(optional.of(2)).value() == 2",
    "optional.ofNonZeroValue('').hasValue() == false && optional.ofNonZeroValue(3).value() == 3",
    "optional.ofNonZeroValue(timestamp('0001-01-01T00:00:00Z')) == optional.none()",
    "[?self.labels.?x, ?self.labels.?app] == ['web']",
    "{?'a': optional.none(), 'b': 1} == {'b': 1}",
    "[1, 2].first().value() == 1 && [1, 2].last().value() == 2",
    "optional.unwrap([optional.of(1), optional.none()]) == [1] && [optional.of(1)].unwrapOpt() == [1]",
    "self.?labels.app.orValue('') == 'web'",
  ],
  strings: [
    "'hello'.charAt(4) == 'o' && 'hello'.charAt(5) == ''",
    "'hello mellow'.indexOf('ello') == 1 && 'hello mellow'.indexOf('ello', 2) == 7 && 'a'.indexOf('b') == -1",
    "'hello mellow'.lastIndexOf('ello') == 7 && 'hello mellow'.lastIndexOf('ello', 6) == 1",
    "['hello', 'mellow'].join(' ') == 'hello mellow' && ['a', 'b'].join() == 'ab'",
    "'TacoCat'.lowerAscii() == 'tacocat' && 'TacoCÆt Xii'.lowerAscii() == 'tacocÆt xii'",
    "'TacoCÆt'.upperAscii() == 'TACOCÆT'",
    "'hello hello'.replace('he', 'we') == 'wello wello' && 'hello hello'.replace('he', 'we', 1) == 'wello hello'",
    "'hello'.replace('', '_') == '_h_e_l_l_o_' && 'hello'.replace('h', '', 0) == 'hello'",
    "'a b c'.split(' ') == ['a', 'b', 'c'] && 'a b c'.split(' ', 2) == ['a', 'b c'] && 'ab'.split('') == ['a', 'b']",
    "'a b'.split(' ', 0) == [] && 'a b'.split(' ', -1).size() == 2",
    "'tacocat'.substring(4) == 'cat' && 'tacocat'.substring(0, 4) == 'taco'",
    "'  \\ttrim\\n    '.trim() == 'trim'",
    "'a😀b'.size() == 3 && 'a😀b'.charAt(1) == '😀' && 'a😀b'.indexOf('b') == 2 && 'a😀b'.substring(1, 2) == '😀'",
    "'%s has %d of %.1f at %x, 100%%'.format(['a', 2, 1.25, 255]) in ['a has 2 of 1.3 at ff, 100%', 'a has 2 of 1.2 at ff, 100%']",
    "'%s %s'.format([[1, 2], {'a': true}]) == '[1, 2] {a: true}'",
    "'%b %o %X %e'.format([5, 8, 'hi', 1234.5]) == '101 10 6869 1.234500×10⁰³'",
    "'%f %.2f'.format([2.71828, 'Infinity']) == '2.718280 ∞'",
    "'\\ufeffa\\u2003\\u0085'.trim() == '\\ufeffa'",
    "strings.quote('a\"b\\n') == '\"a\\\\\"b\\\\n\"'",
    "'\\uffff' < '😀'",
  ],
  "regular expressions": [
    "'abc'.matches('b') && !'abc'.matches('^b') && matches('abc', 'c$')",
    "'abc 123'.find('[0-9]+') == '123' && 'abc'.find('xyz') == ''",
    "'123 abc 456'.findAll('[0-9]+') == ['123', '456'] && '123 abc 456'.findAll('[0-9]+', 1) == ['123']",
    "'a'.findAll('x') == []",
    "'web.example'.matches(r'''^([a-z0-9]([-a-z0-9]*[a-z0-9])?\\.)*[a-z]+$''')",
  ],
  lists: [
    "[1, 2, 3].isSorted() && ['a', 'b', 'b'].isSorted() && ![2.0, 1.0].isSorted() && [].isSorted()",
    "[1, 3].sum() == 4 && [1.5, 3.0].sum() == 4.5 && [duration('1m'), duration('1s')].sum() == duration('1m1s')",
    "[1, 3].min() == 1 && [1, 3].max() == 3",
    "[1, 2, 2, 3].indexOf(2) == 1 && ['a', 'b', 'b'].lastIndexOf('b') == 2 && [1.0].indexOf(1.1) == -1",
    "[1, 2, 2].distinct() == [1, 2] && [1, 2].reverse() == [2, 1] && [1, 2, 3, 4].slice(1, 3) == [2, 3]",
    "[[1], [2, 3]].flatten() == [1, 2, 3] && [[1, [2]]].flatten(2) == [1, 2]".replace("[[1, [2]]]", "[[[1]], [[2]]]"),
    "[3, 1, 2].sort() == [1, 2, 3] && lists.range(3) == [0, 1, 2]",
    "[1] + [2] == [1, 2]",
    "sets.contains([1, 2], [2]) && sets.equivalent([1, 1, 2], [2, 1]) && !sets.intersects([1], [2])",
  ],
  "durations and times": [
    "duration('1h30m').getMinutes() == 90 && duration('-1.5s') < duration('0')",
    "duration('1h2m3s4ms').getMilliseconds() == 3723004",
    "string(duration('90m')) == '5400s' && string(duration('1.5s')) == '1.5s'",
    "timestamp('2020-02-29T12:30:45.123Z').getFullYear() == 2020",
    "timestamp('2020-02-29T12:30:45Z').getMonth() == 1 && timestamp('2020-02-29T12:30:45Z').getDate() == 29",
    "timestamp('2020-02-29T12:30:45Z').getDayOfYear() == 59 && timestamp('2020-02-29T12:30:45Z').getDayOfWeek() == 6",
    "timestamp('2020-01-01T23:00:00Z').getHours('+02:00') == 1",
    "timestamp('2020-07-01T12:00:00Z').getHours('Europe/Berlin') == 14",
    "timestamp('2020-01-01T00:00:00Z') + duration('24h') == timestamp('2020-01-02T00:00:00Z')",
    "timestamp('2020-01-02T00:00:00Z') - timestamp('2020-01-01T00:00:00Z') == duration('24h')",
    "string(timestamp('2020-01-01T02:00:00+02:00') + duration('1h')) == '2020-01-01T03:00:00+02:00'",
    "int(timestamp('1970-01-01T00:01:00Z')) == 60 && timestamp(60) == timestamp('1970-01-01T00:01:00Z')",
  ],
  conversions: [
    "int('42') == 42 && int(3.9) == 3 && int(-3.9) == -3 && int(7u) == 7",
    "uint(3) == 3u && double('3.5') == 3.5 && double(2) == 2.0",
    "string(42) == '42' && string(1.5) == '1.5' && string(1000000.0) == '1e+06' && string(true) == 'true'",
    "string(b'abc') == 'abc' && bool('true')",
  ],
  urls: [
    "isURL('https://user:pass@example.com:80/path?query=val#fragment') && isURL('/absolute-path')",
    "!isURL('https://a:b:c/') && !isURL('../relative-path') && !isURL('') && !isURL('example.com')",
    "url('https://example.com:80/').getScheme() == 'https' && url('/path').getScheme() == ''",
    "url('https://example.com:80/').getHost() == 'example.com:80' && url('https://[::1]:80/').getHost() == '[::1]:80'",
    "url('https://[::1]:80/').getHostname() == '::1' && url('/path').getHostname() == ''",
    "url('https://example.com:80/').getPort() == '80' && url('https://example.com/').getPort() == ''",
    "url('https://example.com/path with spaces/').getEscapedPath() == '/path%20with%20spaces/'",
    "url('https://example.com/path?k1=a&k2=b&k2=c').getQuery() == {'k1': ['a'], 'k2': ['b', 'c']}",
    "url('https://example.com').getEscapedPath() == '' && url('https://example.com/path?').getQuery() == {}",
  ],
  addresses: [
    "isIP('127.0.0.1') && isIP('::1') && !isIP('127.0.0.256') && !isIP(':::1') && !isIP('::ffff:1.2.3.4')",
    "ip.isCanonical('127.0.0.1') && ip.isCanonical('2001:db8::abcd')",
    "!ip.isCanonical('2001:DB8::ABCD') && !ip.isCanonical('2001:db8::0:0:0:abcd')",
    "ip('127.0.0.1').family() == 4 && ip('::1').family() == 6 && ip('::').isUnspecified()",
    "ip('127.0.0.1').isLoopback() && ip('::1').isLoopback() && !ip('2001:db8::abcd').isLoopback()",
    "ip('224.0.0.1').isLinkLocalMulticast() && !ip('224.0.1.1').isLinkLocalMulticast() && ip('ff02::1').isLinkLocalMulticast()",
    "ip('169.254.169.254').isLinkLocalUnicast() && ip('fe80::1').isLinkLocalUnicast() && !ip('fd80::1').isLinkLocalUnicast()",
    "ip('192.168.0.1').isGlobalUnicast() && !ip('255.255.255.255').isGlobalUnicast() && !ip('ff00::1').isGlobalUnicast()",
    "string(ip('2001:0db8:0:0:0:0:0:1')) == '2001:db8::1' && ip('1.2.3.4') == ip('1.2.3.4')",
    "isCIDR('192.168.0.0/16') && !isCIDR('192.168.0.0/33') && isCIDR('::1/128') && !isCIDR('::1/129')",
    "cidr('192.168.0.0/24').containsIP('192.168.0.1') && !cidr('192.168.0.0/24').containsIP(ip('192.168.1.1'))",
    "cidr('192.168.0.0/16').containsCIDR('192.168.10.0/24') && !cidr('192.168.1.0/24').containsCIDR('192.168.2.0/24')",
    "cidr('192.168.0.1/24').masked() == cidr('192.168.0.0/24') && cidr('192.168.0.0/24').prefixLength() == 24",
    "cidr('192.168.0.1/24').ip() == ip('192.168.0.1') && string(cidr('::1/128')) == '::1/128'",
  ],
  quantities: [
    "isQuantity('1.3Gi') && isQuantity('20e3') && !isQuantity('3Mike') && !isQuantity('five')",
    "quantity('50k').isGreaterThan(quantity('1k')) && quantity('1Mi').compareTo(quantity('1024Ki')) == 0",
    "quantity('1').add(quantity('200m')) == quantity('1200m') && quantity('5').sub(2).asInteger() == 3",
    "!quantity('9999999999999999999G').isInteger() && quantity('10E').isGreaterThan(quantity('9E'))",
    "quantity('50.5').asApproximateFloat() == 50.5 && !quantity('50.5').isInteger() && quantity('-1').sign() == -1",
  ],
  semvers: [
    "isSemver('1.0.0') && !isSemver('hello') && !isSemver('v1.0') && isSemver('v1.0', true)",
    "semver('1.2.3').major() == 1 && semver('1.2.3').compareTo(semver('2.0.0')) == -1",
    "semver('1.0.0-alpha.1').isLessThan(semver('1.0.0')) && semver('01.01.01', true) == semver('1.1.1')",
  ],
  formats: [
    "!format.dns1123Label().validate('my-label').hasValue() && format.dns1123Label().validate('My').hasValue()",
    "format.named('uuid').value().validate('x').value() == ['does not match the UUID format']",
    "!format.named('nothing').hasValue() && !format.dns1123LabelPrefix().validate('a-').hasValue()",
  ],
};

for (const [group, expressions] of Object.entries(truths)) {
  test(`K8S-158 CEL: ${group}`, () => {
    for (const expression of expressions) assert.equal(evaluate(expression), true, expression);
  });
}

const failures: readonly (readonly [expression: string, message: string])[] = [
  ["1 / 0 == 1", "division by zero"],
  ["1 % 0 == 1", "modulus by zero"],
  ["9223372036854775807 + 1 > 0", "integer overflow"],
  ["self.tags[2] == 'x'", "index out of bounds: 2"],
  ["self.labels.x == 'x'", "no such key: x"],
  ["self.any + 1 == 2", "no such overload"],
  ["int('x') == 1", "type conversion error from 'string' to 'int'"],
  ["ip('x') == ip('y')", 'IP Address "x" parse error during conversion from string: unable to parse IP'],
  ["[].min() == 1", "min called on empty list"],
  ["optional.none().value() == 1", "optional.none() dereference"],
  ["'abc'.substring(2, 1) == ''", "invalid substring range. start: 2, end: 1"],
  ["[0, 1].exists_one(x, 1 / x == 1)", "division by zero"],
  ["{'a': 1, 'a': 2}.a == 1", "Failed with repeated key"],
];

test("K8S-157 an expression that fails says why", () => {
  for (const [expression, message] of failures) {
    assert.throws(() => evaluate(expression), { name: "EvaluationError", message }, expression);
  }
});

function problemOf(source: string): string {
  const result = compile(source, variables, {
    type: boolType,
    wrongType: "cel expression must evaluate to a bool",
    failed: "compilation failed",
  });
  return "problem" in result ? result.problem : "";
}

const refused: readonly (readonly [source: string, problem: string])[] = [
  ["self.foo == 1", "compilation failed: ERROR: <input>:1:5: undefined field 'foo'\n | self.foo == 1\n | ....^"],
  [
    "self.name == 1",
    "compilation failed: ERROR: <input>:1:11: found no matching overload for '_==_' applied to '(string, int)'\n | self.name == 1\n | ..........^",
  ],
  [
    "self.name.shout()",
    "compilation failed: ERROR: <input>:1:16: undeclared reference to 'shout' (in container '')\n | self.name.shout()\n | ...............^",
  ],
  ["self.name", "cel expression must evaluate to a bool"],
  ["selv.name == ''", "undeclared reference to 'selv' (in container '')"],
  ["authorizer.path('/').check('get').allowed()", "undeclared reference to"],
  ["cel.bind(x, 1, x == 1)", "undeclared reference to 'bind'"],
  ["self.name.matches('(?=a)')", "invalid matches argument: look-around is not supported"],
  ["duration('1 day') > duration('1h')", "invalid duration argument"],
  ["[1, 'a'].size() == 2", "expected type 'int' but found 'string'"],
  [
    "self.replicas.all(x, true)",
    "expression of type 'int' cannot be range of a comprehension (must be list, map, or dynamic)",
  ],
  ["self.tags.all(t, t)", "found no matching overload for '_&&_' applied to '(bool, string)'"],
  ["1 == 1.0", "found no matching overload for '_==_' applied to '(int, double)'"],
  ["self.name.startsWith(1)", "found no matching overload for 'startsWith' applied to 'string.(int)'"],
  ["self.name ==", "Syntax error: mismatched input '<EOF>' expecting an expression"],
  ["self.namespace == 'a' ? package : true", "Syntax error: reserved identifier: package"],
  ["'a' == \"b", "Syntax error: token recognition error"],
  ["self.all(1, true)", "argument must be a simple name"],
  ["[[], [1], 2].size() == 3", "expected type 'list(int)' but found 'int'"],
  ["[1].all(__result__, true)", "iteration variable overwrites accumulator variable"],
  ["has(self)", "invalid argument to has() macro"],
  ["9223372036854775808 > 0", "invalid int literal"],
  ["Pod{name: 'a'} == self", "undeclared reference to 'Pod'"],
  [`${"(".repeat(300)}true${")".repeat(300)}`, "expression recursion limit exceeded: 250"],
];

test("K8S-158 what cannot run is refused with its place and its name", () => {
  for (const [source, problem] of refused)
    assert.ok(problemOf(source).includes(problem), `${source}\n${problemOf(source)}`);
});

test("K8S-157 work is bounded: what takes too long is stopped, whatever hides it", () => {
  const endless = [
    "lists.range(100000).all(x, lists.range(100000).all(y, x + y >= 0))",
    "lists.range(1000000000).size() > 0",
    "lists.range(300).map(x, lists.range(300).map(y, 'aaaaaaaaaa')).flatten().join('').matches('(a{100}){100}b')",
    `'aaaaaaaaaa'${".replace('a', 'aaaaaaaaaa')".repeat(7)}.size() > 0`,
    "lists.range(2000).all(x, (lists.range(2000) == lists.range(2000)) || (1/0 > 1))",
  ];
  for (const expression of endless) assert.throws(() => evaluate(expression), CostExceeded, expression);
});

test("K8S-157 two values are equal however they come", () => {
  const meter = new Meter(COST_MAX);
  const set = (...items: Value[]) => new ListValue(items, "value");
  assert.equal(equals(set("a", "b"), set("b", "a"), meter), true);
  const byName = (item: Value) => String((item as ObjectValue).field("name"));
  const item = (name: string, port: bigint) => objectValue({ name, port });
  const left = new ListValue([item("a", 1n), item("b", 2n)], byName);
  assert.equal(equals(left, new ListValue([item("b", 2n), item("a", 1n)], byName), meter), true);
  assert.equal(equals(left, new ListValue([item("b", 2n), item("a", 2n)], byName), meter), false);
});

/** Pieces from which sound and unsound expressions are made. */
const atom = fc.constantFrom(
  ..."self,self.name,self.replicas,self.tags,self.labels,self.any,1,2u,1.5,'a','😀',b'x',null,true,[],{},x,[1],{'a':1}".split(
    ",",
  ),
);
const { tree } = fc.letrec<{ tree: string }>((tie) => ({
  tree: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    atom,
    fc
      .tuple(tie("tree"), fc.constantFrom(..."+,-,*,/,%,==,!=,<,>=,&&,||,in".split(",")), tie("tree"))
      .map(([left, operator, right]) => `(${left} ${operator} ${right})`),
    fc
      .tuple(
        tie("tree"),
        fc.constantFrom(
          ..."all,exists,map,filter,exists_one,optMap,split,matches,indexOf,contains,orValue,format".split(","),
        ),
        tie("tree"),
      )
      .map(([target, name, body]) =>
        /^(?:split|matches|indexOf|contains|orValue|format)$/.test(name)
          ? `${target}.${name}(${body})`
          : `${target}.${name}(x, ${body})`,
      ),
    fc
      .tuple(
        fc.constantFrom(
          ..."size,int,string,double,type,dyn,has,duration,timestamp,url,ip,quantity,optional.of".split(","),
        ),
        tie("tree"),
      )
      .map(([name, body]) => `${name}(${body})`),
    fc.tuple(tie("tree"), tie("tree")).map(([whole, index]) => `${whole}[?${index}]`),
    fc.tuple(tie("tree"), tie("tree"), tie("tree")).map(([a, b, c]) => `(${a} ? ${b} : ${c})`),
  ),
}));

test("K8S-157 whatever the rule, there is a value, a failure or an end for its cost", () => {
  fc.assert(
    fc.property(tree, (source) => {
      const checked = (() => {
        try {
          return check(parse(source), variables);
        } catch (error) {
          assert.equal((error as Error).name, "SourceError", source);
          return null;
        }
      })();
      if (!checked || checked.problems.length > 0) return;
      try {
        buildProgram(checked, ["self"]).run([self], new Meter(10_000));
      } catch (error) {
        assert.ok(error instanceof EvaluationError || error instanceof CostExceeded, `${source}: ${String(error)}`);
      }
    }),
    { numRuns: 2000 },
  );
});

test("K8S-158 any text is parsed or refused", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (source) => {
      assert.equal(typeof problemOf(source), "string");
    }),
  );
});
