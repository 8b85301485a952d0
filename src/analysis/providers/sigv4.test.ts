import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../../base/clock.ts";
import type { ProviderContext } from "../provider.ts";
import { signed } from "./sigv4.ts";

test("MP-001 the signature is the one that AWS documents for its own example", () => {
  // "get-vanilla-query-order-key-case" of AWS' published test suite.
  const context = {
    clock: new VirtualClock(Date.UTC(2015, 7, 30, 12, 36, 0)),
    environment: {
      AWS_ACCESS_KEY_ID: "AKIDEXAMPLE",
      AWS_SECRET_ACCESS_KEY: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    },
  } as unknown as ProviderContext;
  const url = "https://example.amazonaws.com/?Param1=value1&Param2=value2";
  const headers = signed(
    { method: "GET", url, headers: {}, body: "", service: "service", region: "us-east-1" },
    context,
  );
  assert.match(
    headers["Authorization"]!,
    /Signature=b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500$/,
  );
});
