/** Lays a whole network out, beside the page's own thread: fcose, its chances seeded by the ids. */

import cytoscape from "cytoscape";
import fcose from "cytoscape-fcose";
import type { Position } from "../api/types.ts";
import { hash, seeded } from "./placing.ts";

export interface LayoutRequest {
  nodes: { id: string; parent: string | null; size: number }[];
  edges: { source: string; target: string; length: number }[];
}

cytoscape.use(fcose);

/** Return a position for every node that has no others within it. */
function layOut({ nodes, edges }: LayoutRequest): Record<string, Position> {
  const ids = nodes.map((one) => one.id).sort();
  Math.random = seeded(hash(ids.join(" ")));
  const cy = cytoscape({ headless: true, styleEnabled: true });
  const sorted = [...nodes].sort(
    (a, b) => rank(a.parent) - rank(b.parent) || (a.id < b.id ? -1 : 1),
  );
  cy.add(
    sorted.map(({ id, parent, size }) => ({ data: { id, size, ...(parent ? { parent } : {}) } })),
  );
  cy.add(edges.map((one, place) => ({ data: { ...one, id: `edge ${place}` } })));
  cy.style([
    { selector: "node:childless", style: { width: "data(size)", height: "data(size)" } },
    { selector: "node:parent", style: { padding: "22px" } },
  ]);
  const options = {
    name: "fcose",
    quality: nodes.length > 300 ? "default" : "proof",
    animate: false,
    randomize: true,
    fit: false,
    nodeSeparation: 90,
    idealEdgeLength: (edge: { data(name: string): number }) => edge.data("length"),
    nodeRepulsion: () => 7000,
    nodeDimensionsIncludeLabels: false,
    packComponents: false,
  };
  cy.layout(options as never).run();
  const found: Record<string, Position> = {};
  for (const node of cy.nodes(":childless").toArray()) {
    const { x, y } = node.position();
    found[node.id()] = { x: Math.round(x * 100) / 100, y: Math.round(y * 100) / 100 };
  }
  return found;
}

const rank = (parent: string | null): number => (parent === null ? 0 : 1);

self.onmessage = (message: MessageEvent<LayoutRequest>) => {
  self.postMessage(layOut(message.data));
};
