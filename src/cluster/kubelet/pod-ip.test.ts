import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { PodIpPool } from "./pod-ip.ts";

test("K8S-277 addresses are handed out in turn, behind the reserved ones", () => {
  const pool = new PodIpPool("127.64.16.0/20");
  assert.deepEqual([pool.allocate(), pool.allocate()], ["127.64.16.3", "127.64.16.4"]);
});

test("K8S-277 a released address is used again only after all others", () => {
  const pool = new PodIpPool("10.0.0.0/29");
  assert.deepEqual([pool.allocate(), pool.allocate()], ["10.0.0.3", "10.0.0.4"]);
  pool.release("10.0.0.3");
  assert.deepEqual([pool.allocate(), pool.allocate(), pool.allocate()], ["10.0.0.5", "10.0.0.6", "10.0.0.3"]);
});

test("K8S-277 a full range gives null, and an address again after a release", () => {
  const pool = new PodIpPool("10.0.0.0/30", 1);
  assert.deepEqual([pool.allocate(), pool.allocate(), pool.allocate()], ["10.0.0.1", "10.0.0.2", null]);
  pool.release("10.0.0.2");
  assert.equal(pool.allocate(), "10.0.0.2");
});

test("K8S-196 a pod gets its old address back when it is free", () => {
  const pool = new PodIpPool("10.0.0.0/24");
  assert.equal(pool.allocate("10.0.0.77"), "10.0.0.77");
  assert.equal(pool.allocate("10.0.0.77"), "10.0.0.78", "taken: the next one");
  assert.equal(pool.allocate("192.168.0.1"), "10.0.0.79", "of another range: ignored");
});

test("K8S-277 no two live pods ever have one address", () => {
  const step = fc.oneof(
    fc.constant("allocate" as const),
    fc.nat(20),
    fc.nat(20).map((n) => ({ prefer: n })),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const pool = new PodIpPool("10.0.0.0/28");
      const live: string[] = [];
      for (const each of steps) {
        if (typeof each === "number") {
          const [gone] = live.splice(each, 1);
          if (gone !== undefined) pool.release(gone);
          continue;
        }
        const ip = pool.allocate(each === "allocate" ? undefined : `10.0.0.${each.prefer}`);
        if (ip === null) assert.equal(live.length, 12);
        else {
          assert.ok(!live.includes(ip));
          live.push(ip);
        }
      }
    }),
  );
});
