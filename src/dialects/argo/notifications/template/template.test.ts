import assert from "node:assert/strict";
import { test } from "node:test";
import { compileTemplate, TemplateError } from "./index.ts";

const data = {
  rollout: {
    metadata: { name: "web", labels: { team: "a" } },
    spec: {
      replicas: 3,
      strategy: { canary: { steps: [{ setWeight: 10 }, { pause: {} }] } },
      template: {
        spec: {
          containers: [
            { name: "a", image: "a:1" },
            { name: "b", image: "b:2" },
          ],
        },
      },
    },
    status: { currentStepIndex: 0 },
  },
  recipient: "#ops",
};

/** `error`: instead of a result. */
const cases: readonly { name: string; source: string; result?: string; error?: RegExp }[] = [
  { name: "fields", source: "Rollout {{.rollout.metadata.name}}: {{ .recipient }}", result: "Rollout web: #ops" },
  { name: "a number is shown as Go shows it", source: "{{.rollout.spec.replicas}}", result: "3" },
  { name: "a missing key", source: "{{.rollout.nothing}}", result: "<no value>" },
  {
    name: "a field of a missing key",
    source: "{{.rollout.a.b}}",
    error: /at <\.rollout\.a\.b>: nil pointer evaluating interface \{\}\.b/,
  },
  { name: "a field of a text", source: "{{.recipient.b}}", error: /can't evaluate field b in #ops/ },
  {
    name: "the catalogue's strategy",
    source: "{{if .rollout.spec.strategy.blueGreen}}BlueGreen{{end}}{{if .rollout.spec.strategy.canary}}Canary{{end}}",
    result: "Canary",
  },
  {
    name: "the catalogue's containers",
    source:
      "{{range $index, $c := .rollout.spec.template.spec.containers}}{{if not $index}},{{end}}{{if $index}},{{end}}{{$c.name}}={{$c.image}}{{end}}",
    result: ",a=a:1,b=b:2",
  },
  {
    name: "the catalogue's steps",
    source: "{{add .rollout.status.currentStepIndex 1}}/{{len .rollout.spec.strategy.canary.steps}}",
    result: "1/2",
  },
  { name: "else", source: "{{if .nothing}}a{{else}}b{{end}}", result: "b" },
  { name: "else if", source: '{{if .nothing}}a{{else if eq .recipient "#ops"}}b{{else}}c{{end}}', result: "b" },
  { name: "with", source: "{{with .rollout.metadata}}{{.name}} {{$.recipient}}{{end}}", result: "web #ops" },
  {
    name: "range over a map is sorted",
    source: "{{range $k, $v := .rollout.metadata}}{{$k}};{{end}}",
    result: "labels;name;",
  },
  { name: "an empty range", source: "{{range .nothing}}a{{else}}none{{end}}", result: "none" },
  {
    name: "break and continue",
    source:
      '{{range .rollout.spec.template.spec.containers}}{{if eq .name "b"}}{{break}}{{end}}{{.name}}{{continue}}x{{end}}',
    result: "a",
  },
  {
    name: "variables are seen in blocks and set from there",
    source: "{{$x := 1}}{{if true}}{{$x = 2}}{{end}}{{$x}}",
    result: "2",
  },
  {
    name: "printf",
    source: '{{printf "%s %d %5.1f%% %q" .rollout.metadata.name 3 2.25 "x"}}',
    result: 'web 3   2.3% "x"',
  },
  {
    name: "parentheses and chains",
    source: "{{(index .rollout.spec.template.spec.containers 1).image}}",
    result: "b:2",
  },
  {
    name: "an index out of range",
    source: "{{index .rollout.spec.strategy.canary.steps 9}}",
    error: /error calling index: index out of range: 9/,
  },
  {
    name: "and, or look no further than they must",
    source: "{{or .recipient .rollout.a.b}} {{and .nothing .rollout.a.b}}",
    result: "#ops <no value>",
  },
  { name: "defaults", source: '{{.nothing | default "none"}} {{coalesce .nothing "c"}}', result: "none c" },
  { name: "toJson", source: "{{toJson .rollout.metadata.labels}}", result: '{"team":"a"}' },
  { name: "white space is trimmed at markers", source: "a  {{- 1 -}}  b {{/* gone */}} c", result: "a1b  c" },
  { name: "raw strings and braces in strings", source: '{{"}}"}}{{`{{`}}', result: "}}{{" },
  {
    name: "comparisons",
    source: '{{if and (gt .rollout.spec.replicas 2) (ne .recipient "")}}yes{{end}}',
    result: "yes",
  },
  { name: "incompatible comparison", source: '{{lt "a" 1}}', error: /incompatible types for comparison/ },
  { name: "an unknown function", source: "{{frobnicate 1}}", error: /function "frobnicate" not defined/ },
  { name: "an unclosed action", source: "a\n{{ .x", error: /line 2: unclosed action/ },
  { name: "an unclosed block", source: "{{if .x}}a", error: /unexpected EOF/ },
  { name: "an end too many", source: "{{end}}", error: /line 1: unexpected \{\{end\}\}/ },
  {
    name: "templates within templates are refused by name",
    source: '{{template "x"}}',
    error: /\{\{template\}\} is not supported/,
  },
  { name: "an undefined variable", source: "{{$x}}", error: /undefined variable "\$x"/ },
  { name: "division by zero", source: "{{div 1 0}}", error: /divided by zero/ },
];
for (const { name, source, result, error } of cases) {
  test(`NO-004 NO-005 ${name}`, () => {
    const render = () => compileTemplate(source).render(data);
    if (error === undefined) assert.equal(render(), result);
    else assert.throws(render, (thrown: Error) => thrown instanceof TemplateError && error.test(thrown.message));
  });
}

test("NO-004 a pipe gives its value as the last argument", () => {
  assert.equal(compileTemplate('{{.recipient | printf "%s:%s" "to"}}').render(data), "to:#ops");
});

const endless: readonly { name: string; source: string; error: RegExp }[] = [
  {
    name: "a range within a range",
    source: "{{range 1000}}{{range 1000}}x{{end}}{{end}}",
    error: /more than 500000 steps/,
  },
  { name: "empty ranges", source: "{{range 3000}}{{range 90000}}{{end}}{{end}}", error: /more than 500000 steps/ },
  { name: "a range to infinity", source: "{{range 1e999}}{{end}}", error: /more than 500000 steps/ },
  { name: "a range to no number", source: "{{range sub 1e999 1e999}}{{end}}", error: /more than 500000 steps/ },
  {
    name: "a text that is doubled",
    source: '{{$x := "aaaaaaaa"}}{{range 60}}{{$x = print $x $x}}{{end}}',
    error: /a text of more than 1000000 characters/,
  },
  {
    name: "a list that holds the former one twice",
    source: "{{$x := list 1}}{{range 60}}{{$x = list $x $x}}{{end}}{{$x}}",
    error: /a text of more than 1000000 characters/,
  },
  {
    name: "the same as JSON",
    source: "{{$x := list 1}}{{range 60}}{{$x = list $x $x}}{{end}}{{toJson $x}}",
    error: /a text of more than 1000000 characters/,
  },
  { name: "much output", source: '{{range 2000}}{{repeat 10000 "a"}}{{end}}', error: /more than 1000000 characters/ },
  { name: "a wide number", source: '{{printf "%999999999d" 1}}', error: /more than 1000000 characters/ },
  { name: "repetition", source: '{{repeat 999999999 "a"}}', error: /more than 1000000 characters/ },
  { name: "replacement", source: '{{repeat 1000 "a" | replace "a" (repeat 9999 "b")}}', error: /1000000 characters/ },
  { name: "indentation", source: '{{repeat 9999 "\\n" | indent 9999}}', error: /more than 1000000 characters/ },
];

for (const { name, source, error } of endless) {
  test(`NO-004 a template that asks for too much is stopped: ${name}`, { timeout: 2000 }, () => {
    assert.throws(() => compileTemplate(source).render({}), { name: "TemplateError", message: error });
  });
}

test("NO-004 a template that is nested too deeply, or has half a comment again and again, is refused at once", () => {
  for (const source of ["{{if .x}}".repeat(20_000), `{{${"(".repeat(20_000)}}}`, `{{${"/*".repeat(300_000)}`]) {
    assert.throws(() => compileTemplate(source), { name: "TemplateError" });
  }
});

test("NO-004 more digits than there are, half a character, a comment with braces", () => {
  assert.equal(compileTemplate('{{printf "%.999f" 1 | len}}').render({}), "102");
  assert.equal(compileTemplate('{{trunc 1 "😀" | urlquery}}').render({}), "%EF%BF%BD");
  assert.equal(compileTemplate("a{{/* }} */}}b{{- /* x */ -}} c").render({}), "abc");
});
