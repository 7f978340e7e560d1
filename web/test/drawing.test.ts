import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import cytoscape from "cytoscape";
import { Drawing } from "../src/picture/drawing.ts";
import type { PictureEdge, PictureNode } from "../src/picture/elements.ts";

const node = (id: string): PictureNode => ({
  id,
  kind: "switch",
  label: id,
  parent: null,
  up: true,
});
const edge = (id: string, source: string, target: string): PictureEdge => ({
  id,
  kind: "cable",
  source,
  target,
  tree: null,
  whole: true,
  label: "",
  width: 1,
});
const NODES = ["a", "b", "c"].map(node);
const PLACES = new Map(NODES.map(({ id }, place) => [id, { x: 100 * place, y: 0 }]));
const NOTHING = { selected: new Set<string>(), planned: new Set<string>(), cut: new Set<string>() };

function drawn(context: TestContext, ...edges: PictureEdge[]) {
  const cy = cytoscape({ headless: true, styleEnabled: true });
  // Its clock would go on for ever.
  context.after(() => cy.destroy());
  const drawing = new Drawing(cy);
  drawing.show(NODES, edges, PLACES);
  return { cy, drawing };
}

test("an edge goes along when its end is another node's", (context) => {
  const { cy, drawing } = drawn(context, edge("e", "a", "b"));
  drawing.show(NODES, [edge("e", "a", "c")], PLACES);
  assert.equal(cy.getElementById("e").target().id(), "c");
  assert.equal(cy.edges().length, 1);
  drawing.show(NODES, [], PLACES);
  assert.equal(cy.edges().length, 0);
});

test("what is lit is marked, the rest is dim, and what comes later is as well", (context) => {
  const { cy, drawing } = drawn(context, edge("e", "a", "b"));
  drawing.mark({ ...NOTHING, lit: new Set(["a", "e"]) });
  const classed = (name: string) => cy.elements(`.${name}`).map((one) => one.id());
  assert.deepEqual(classed("lit"), ["a", "e"]);
  assert.deepEqual(classed("dim"), ["b", "c"]);
  drawing.show(NODES, [edge("e", "a", "b"), edge("f", "b", "c")], PLACES);
  assert.deepEqual(classed("dim"), ["b", "c", "f"]);
  drawing.mark({ ...NOTHING, lit: null });
  assert.deepEqual(classed("dim"), []);
});

test("nothing is touched where nothing differs", (context) => {
  const { cy, drawing } = drawn(context, edge("e", "a", "b"));
  let touched = 0;
  cy.on("style data position class", () => {
    touched += 1;
  });
  drawing.show([...NODES], [edge("e", "a", "b")], PLACES);
  drawing.mark({ ...NOTHING, lit: null });
  assert.equal(touched, 0);
});
