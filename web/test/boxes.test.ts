import assert from "node:assert/strict";
import { test } from "node:test";
import { apart } from "../src/picture/boxes.ts";

const margin = { x: 80, y: 60 };

test("boxes that lie on one another are beside one another, with what is within", () => {
  const positions = new Map([
    ["r1", { x: 0, y: 0 }],
    ["r2", { x: 60, y: 0 }],
    ["two", { x: 50, y: 20 }],
    ["s1", { x: 10, y: 10 }],
  ]);
  const boxes = [
    { members: ["r1", "r2"], margin },
    { members: ["two"], margin },
  ];
  const found = apart(boxes, positions);
  assert.deepEqual(found.get("r1"), { x: 0, y: 0 });
  assert.deepEqual(found.get("r2"), { x: 60, y: 0 });
  assert.deepEqual(found.get("two"), { x: 260, y: 20 });
  assert.deepEqual(found.get("s1"), { x: 10, y: 10 });
});

test("boxes that are apart stay where they are", () => {
  const positions = new Map([
    ["one", { x: 0, y: 0 }],
    ["two", { x: 0, y: 170 }],
    ["three", { x: 210, y: 0 }],
  ]);
  const boxes = [...positions.keys()].map((id) => ({ members: [id], margin }));
  assert.deepEqual(apart(boxes, positions), positions);
});
