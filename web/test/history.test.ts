import assert from "node:assert/strict";
import { test } from "node:test";
import { Histories, rateOf } from "../src/model/history.ts";

test("fifteen minutes are remembered, of the objects that were seen last", () => {
  const kept = new Histories();
  for (const at of [0, 10, 905]) kept.note("a", { at, rx: at, tx: null });
  assert.deepEqual(
    kept.of("a").map((one) => one.at),
    [10, 905],
  );
  for (let number = 0; number < 64; number += 1) kept.note(`b${number}`, { at: 906, rx: 0, tx: 0 });
  assert.deepEqual(kept.of("a"), []);
  assert.equal(kept.of("b63").length, 1);
});

test("a rate is what counters say, and nothing where one began anew", () => {
  assert.equal(rateOf({ at: 1, count: 10 }, { at: 3, count: 30 }), 10);
  assert.equal(rateOf({ at: 1, count: 10 }, { at: 3, count: 3 }), null);
  assert.equal(rateOf(null, { at: 3, count: 3 }), null);
});
