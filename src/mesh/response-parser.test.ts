import assert from "node:assert/strict";
import { test } from "node:test";
import { ResponseParser } from "./response-parser.ts";

interface Parsed {
  readonly heads: string[];
  body: string;
  isComplete: boolean;
  problem: string | null;
}

function parse(text: string, { pieces = text.length, isHead = false, closes = false } = {}): Parsed {
  const parsed: Parsed = { heads: [], body: "", isComplete: false, problem: null };
  const parser = new ResponseParser({
    onInformation: (status) => parsed.heads.push(String(status)),
    onHead: ({ status, headers, isKeepAlive }) => parsed.heads.push(`${status} ${headers.join(",")} ${isKeepAlive}`),
    onData: (chunk) => {
      parsed.body += chunk.toString("latin1");
    },
    onComplete: () => {
      parsed.isComplete = true;
    },
  });
  parser.expect(isHead, false);
  for (let at = 0; at < text.length && parsed.problem === null; at += pieces) {
    parsed.problem = parser.execute(Buffer.from(text.slice(at, at + pieces), "latin1"));
  }
  if (closes) parser.finish();
  return parsed;
}

const whole: readonly {
  name: string;
  text: string;
  head: string;
  body: string;
  options?: Parameters<typeof parse>[1];
}[] = [
  {
    name: "content-length",
    text: "HTTP/1.1 200 OK\r\nA: 1\r\nContent-Length: 3\r\n\r\nabc",
    head: "200 a,1,content-length,3 true",
    body: "abc",
  },
  {
    name: "chunked, with an extension and trailers",
    text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: 1\r\n\r\n",
    head: "200  true",
    body: "abc0123456789",
  },
  { name: "no body", text: "HTTP/1.1 204 No Content\r\n\r\n", head: "204  true", body: "" },
  {
    name: "304 with a length",
    text: "HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n",
    head: "304 content-length,9 true",
    body: "",
  },
  {
    name: "HEAD",
    text: "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n",
    head: "200 content-length,9 true",
    body: "",
    options: { isHead: true },
  },
  {
    name: "until close",
    text: "HTTP/1.1 200 OK\r\n\r\nabc",
    head: "200  false",
    body: "abc",
    options: { closes: true },
  },
  {
    name: "connection: close",
    text: "HTTP/1.1 200\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n",
    head: "200 content-length,0 false",
    body: "",
  },
  {
    name: "100 first",
    text: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
    head: "200 content-length,0 true",
    body: "",
  },
];
for (const { name, text, head, body, options } of whole) {
  test(`a response is the same however it is cut: ${name}`, () => {
    for (let pieces = 1; pieces <= text.length; pieces++) {
      const parsed = parse(text, { ...options, pieces });
      assert.deepEqual([parsed.problem, parsed.heads.at(-1), parsed.body, parsed.isComplete], [null, head, body, true]);
    }
  });
}

const malformed = [
  "HTTP/2.0 200 OK\r\n\r\n",
  "HTTP/1.1 99 X\r\n\r\n",
  "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n",
  "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n",
  "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
  "HTTP/1.1 200 OK\r\ncontent-length: 1, 1\r\n\r\n",
  "HTTP/1.1 200 OK\r\na\r\n\r\n",
  "HTTP/1.1 200 OK\r\na: \x00\r\n\r\n",
  "HTTP/1.1 200 OK\r\na: b\rc\r\n\r\n",
  "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-1\r\n",
  "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nabc",
  `HTTP/1.1 200 OK\r\n${"a: b\r\n".repeat(101)}\r\n`,
  `HTTP/1.1 200 OK\r\na: ${"b".repeat(82_000)}`,
  "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nab",
];
for (const text of malformed) {
  test(`MESH-228 not HTTP, or not framed in one way: ${JSON.stringify(text.slice(0, 70))}`, () => {
    assert.notEqual(parse(text).problem, null);
  });
}
