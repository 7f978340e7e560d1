/** What stands on the canvas. Only what differs is touched: each touch has styles computed again. */

import type { Core, EdgeSingular, NodeSingular } from "cytoscape";
import type { Position } from "../api/types.ts";
import type { PictureEdge, PictureNode } from "./elements.ts";

export interface Marks {
  selected: ReadonlySet<string>;
  /** Null: everything is as bright. */
  lit: ReadonlySet<string> | null;
  planned: ReadonlySet<string>;
  cut: ReadonlySet<string>;
}

interface DrawnNode {
  element: NodeSingular;
  shown: PictureNode;
  classes: string;
}

interface DrawnEdge {
  element: EdgeSingular;
  shown: PictureEdge;
  classes: string;
}

export class Drawing {
  private nodes = new Map<string, DrawnNode>();
  private edges = new Map<string, DrawnEdge>();
  private marks: Marks = { selected: new Set(), lit: null, planned: new Set(), cut: new Set() };

  constructor(private readonly cy: Core) {}

  /** Have these nodes there, at their places, and the edges between them. */
  show(
    nodes: readonly PictureNode[],
    edges: readonly PictureEdge[],
    places: ReadonlyMap<string, Position>,
  ): void {
    this.cy.batch(() => {
      forget(this.edges, edges);
      forget(this.nodes, nodes);
      const outerFirst = [...nodes].sort(
        (a, b) => Number(a.parent !== null) - Number(b.parent !== null),
      );
      for (const one of outerFirst) this.drawNode(one, places.get(one.id));
      for (const one of edges) this.drawEdge(one);
      this.classify();
    });
  }

  mark(marks: Marks): void {
    this.marks = marks;
    this.cy.batch(() => this.classify());
  }

  private drawNode(one: PictureNode, spot: Position | undefined): void {
    const { parent, ...data } = one;
    const known = this.nodes.get(one.id);
    if (known === undefined) {
      const whole = { ...data, ...(parent === null ? {} : { parent }) };
      const position = spot === undefined ? {} : { position: { x: spot.x, y: spot.y } };
      const element = this.cy
        .add({ group: "nodes", data: whole, ...position })
        .nodes()
        .first();
      this.nodes.set(one.id, { element, shown: one, classes: "" });
      return;
    }
    update(known, one);
    const { element } = known;
    if (spot === undefined || element.isParent() || element.grabbed()) return;
    const at = element.position();
    if (at.x !== spot.x || at.y !== spot.y) element.position({ x: spot.x, y: spot.y });
  }

  private drawEdge(one: PictureEdge): void {
    const known = this.edges.get(one.id);
    if (known === undefined) {
      const element = this.cy
        .add({ group: "edges", data: { ...one } })
        .edges()
        .first();
      this.edges.set(one.id, { element, shown: one, classes: "" });
      return;
    }
    // A station may move to another switch.
    const { source, target } = one;
    if (known.shown.source !== source || known.shown.target !== target)
      known.element = known.element.move({ source, target }).first();
    update(known, one);
  }

  private classify(): void {
    const boxes = new Set([...this.nodes.values()].map(({ shown }) => shown.parent));
    for (const [id, one] of this.nodes) put(one, this.classesOf(id, boxes.has(id)));
    for (const [id, one] of this.edges) put(one, this.classesOf(id, false));
  }

  private classesOf(id: string, isBox: boolean): string {
    const { selected, lit, planned, cut } = this.marks;
    const names: string[] = [];
    if (selected.has(id)) names.push("selected");
    if (lit?.has(id)) names.push("lit");
    if (planned.has(id)) names.push("planned");
    if (cut.has(id)) names.push("cut");
    if (lit !== null && !lit.has(id) && !planned.has(id) && !isBox) names.push("dim");
    return names.join(" ");
  }
}

function put(one: DrawnNode | DrawnEdge, classes: string): void {
  if (one.classes === classes) return;
  one.element.classes(classes);
  one.classes = classes;
}

/** Take away what is drawn and is not wanted any more. */
function forget(
  drawn: Map<string, DrawnNode | DrawnEdge>,
  wanted: readonly { id: string }[],
): void {
  const ids = new Set(wanted.map((one) => one.id));
  for (const [id, { element }] of drawn) {
    if (ids.has(id)) continue;
    element.remove();
    drawn.delete(id);
  }
}

const FIXED = new Set(["id", "parent", "source", "target"]);

/** Change what differs. */
function update(known: DrawnNode | DrawnEdge, wanted: PictureNode | PictureEdge): void {
  const before = known.shown as unknown as Record<string, unknown>;
  for (const [name, value] of Object.entries(wanted)) {
    if (!FIXED.has(name) && before[name] !== value) known.element.data(name, value);
  }
  known.shown = wanted;
}
