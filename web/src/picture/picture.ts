/** The picture of the network on a canvas: what there is, where it is, what is clicked. */

import cytoscape, { type Core, type EventObject, type NodeSingular } from "cytoscape";
import type { Position } from "../api/types.ts";
import { apart, type Box } from "./boxes.ts";
import { Drawing, type Marks } from "./drawing.ts";
import type { Elements, PictureEdge, PictureNode } from "./elements.ts";
import type { LayoutRequest } from "./layout_worker.ts";
import { look } from "./look.ts";
import { type Placed, place } from "./placing.ts";

export interface PictureEvents {
  /** Somebody clicked an object; null is the ground. */
  clicked(id: string | null): void;
  /** Somebody put nodes somewhere by hand. */
  dragged(positions: Map<string, Position>): void;
  /** A router was dropped on another host. */
  dropped(router: string, host: string): void;
  /** Nodes were given places. */
  placed(positions: Map<string, Position>): void;
}

const SIZES = { switch: 46, station: 14, segment: 26, xen_host: 154, router: 54 };
const ROOMS = { switch: 90, station: 44, segment: 60, xen_host: 190, router: 84 };
const MARGIN = { x: 80, y: 60 };
/** From the middle of a host without routers, or of its outer ones, to the edge of its box. */
const QUIET_MS = 700;
/** Without another node, before the first layout: switches join one after the other. */
const LONE_MS = 1_500;
/** For a node that knows nobody yet: its links are found a moment later. */

export class Picture {
  private readonly cy: Core;
  private readonly drawing: Drawing;
  private wanted: Elements = { nodes: [], edges: [] };
  private positions: Map<string, Position> = new Map();
  private since = new Map<string, number>();
  private arranging = false;
  private fitted = false;
  private fittedTo = "";
  private isLookedAt = false;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    container: HTMLElement,
    private readonly events: PictureEvents,
  ) {
    this.cy = cytoscape({
      container,
      style: look(),
      minZoom: 0.05,
      maxZoom: 3,
      boxSelectionEnabled: false,
      autounselectify: true,
    });
    this.drawing = new Drawing(this.cy);
    this.cy.on("tap", (event: EventObject) => {
      this.events.clicked(event.target === this.cy ? null : (event.target.id() as string));
    });
    this.cy.on("dragfree", "node", (event: EventObject) =>
      this.freed(event.target as NodeSingular),
    );
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.cy.style(look());
    });
    this.cy.on("dragpan scrollzoom pinchzoom", () => {
      this.isLookedAt = true;
    });
    new ResizeObserver(() => {
      this.cy.resize();
      // Whoever chose what to look at keeps it.
      if (!this.isLookedAt && this.size() !== this.fittedTo) this.fitted = false;
      this.fitFirst();
    }).observe(container);
  }

  /** Show these elements at these positions; those without one are placed, nobody else moves. */
  show(elements: Elements, positions: ReadonlyMap<string, Position>): void {
    this.wanted = elements;
    for (const [id, spot] of positions) this.positions.set(id, spot);
    const now = performance.now();
    for (const { id } of elements.nodes) if (!this.since.has(id)) this.since.set(id, now);
    this.settle();
  }

  mark(marks: Marks): void {
    this.drawing.mark(marks);
  }

  fit(): void {
    this.isLookedAt = false;
    this.fittedTo = this.size();
    this.cy.fit(undefined, 50);
    if (this.cy.zoom() > 1.3) this.cy.zoom({ level: 1.3, renderedPosition: this.middle() });
  }

  /** Forget every place that nobody chose by hand, and lay out anew. */
  arrange(pinned: ReadonlyMap<string, Position>): void {
    this.positions = new Map(pinned);
    this.fitted = false;
    this.settle();
  }

  /** Return where on the screen an object is; null if it is not in the picture. */
  where(id: string): { x: number; y: number } | null {
    const one = this.cy.getElementById(id);
    if (one.empty()) return null;
    const box = this.cy.container()?.getBoundingClientRect();
    const at = one.isNode()
      ? one.renderedPosition()
      : (one as unknown as cytoscape.EdgeSingular).renderedMidpoint();
    return { x: (box?.left ?? 0) + at.x, y: (box?.top ?? 0) + at.y };
  }

  /** Tell whether two objects lie on one another. */
  overlap(one: string, other: string): boolean {
    const [a, b] = [one, other].map((id) => this.cy.getElementById(id).boundingBox({}));
    if (a === undefined || b === undefined) return false;
    return a.x1 < b.x2 && b.x1 < a.x2 && a.y1 < b.y2 && b.y1 < a.y2;
  }

  /** Return the ids in the picture. */
  ids(): string[] {
    return this.cy.elements().map((one) => one.id());
  }

  /** Return the ids of what is marked: `lit`, `dim`, `planned`, `cut`, `selected`. */
  marked(name: string): string[] {
    return this.cy.elements(`.${name}`).map((one) => one.id());
  }

  /** Return how the line of a cable is drawn: `solid`, `dashed`. */
  line(id: string): string {
    return String(this.cy.getElementById(id).style("line-style"));
  }

  panBy(x: number, y: number): void {
    this.cy.panBy({ x, y });
  }

  private size(): string {
    return `${this.cy.width()} ${this.cy.height()}`;
  }

  private middle(): { x: number; y: number } {
    return { x: this.cy.width() / 2, y: this.cy.height() / 2 };
  }

  // ---- places

  private settle(): void {
    const leaves = this.leaves();
    this.keepBoxes(leaves);
    const without = leaves.filter((one) => !this.positions.has(one.id));
    if (without.length > 0 && !this.arranging) {
      const isFirst = without.length > 0.6 * leaves.length;
      if (isFirst) this.arrangeSoon();
      else this.placeNew(without);
    }
    this.draw();
  }

  private leaves(): PictureNode[] {
    const parents = new Set(this.wanted.nodes.map((one) => one.parent));
    return this.wanted.nodes.filter((one) => !parents.has(one.id));
  }

  private placeNew(without: PictureNode[]): void {
    const now = performance.now();
    const wanted = without.map((one) => this.placed(one));
    const ready = wanted.filter(
      (one) => one.near.length > 0 || now - (this.since.get(one.id) ?? now) > LONE_MS,
    );
    if (ready.length < wanted.length) this.again(LONE_MS / 3);
    if (ready.length === 0) return;
    const made = place(ready, this.positions);
    for (const [id, spot] of made) this.positions.set(id, spot);
    this.events.placed(made);
  }

  private placed(one: PictureNode): Placed {
    const near = this.wanted.edges
      .filter((edge) => edge.source === one.id || edge.target === one.id)
      .map((edge) => (edge.source === one.id ? edge.target : edge.source));
    const siblings = this.wanted.nodes.filter(
      (other) => other.parent === one.parent && one.parent !== null,
    );
    const others = new Map(this.wanted.nodes.map((other) => [other.id, other]));
    return {
      id: one.id,
      near: siblings.length > 1 ? siblings.map((s) => s.id) : near,
      room: ROOMS[one.kind],
      roomOf: (id) => roomBetween(one, others.get(id)),
    };
  }

  /** The box of a host stays where it is when its first router comes, and when its last one goes. */
  private keepBoxes(leaves: PictureNode[]): void {
    const made = new Map<string, Position>();
    for (const one of leaves) {
      if (this.positions.has(one.id)) continue;
      const children = this.cy.getElementById(one.id).children();
      const before = one.kind === "router" ? one.parent : children.first().id();
      const spot = this.positions.get(before ?? "");
      const isAlone = leaves.filter((other) => other.parent === one.parent).length === 1;
      if (spot !== undefined && (one.kind === "xen_host" || isAlone))
        made.set(one.id, { x: spot.x, y: spot.y });
    }
    if (made.size === 0) return;
    for (const [id, spot] of made) this.positions.set(id, spot);
    this.events.placed(made);
  }

  private arrangeSoon(): void {
    const newest = Math.max(...this.wanted.nodes.map((one) => this.since.get(one.id) ?? 0));
    const quiet = performance.now() - newest;
    if (quiet < QUIET_MS) {
      this.again(QUIET_MS - quiet + 20);
      return;
    }
    this.arranging = true;
    const worker = new Worker(LAYOUT_WORKER, { type: "module" });
    worker.onmessage = (message: MessageEvent<Record<string, Position>>) => {
      worker.terminate();
      this.arranged(new Map(Object.entries(message.data)));
    };
    worker.postMessage(this.request());
  }

  private request(): LayoutRequest {
    const kinds = new Map(this.wanted.nodes.map((one) => [one.id, one.kind]));
    const isNear = (edge: PictureEdge) =>
      edge.kind === "access" || kinds.get(edge.source) === "station";
    return {
      nodes: this.wanted.nodes.map(({ id, parent, kind }) => ({ id, parent, size: SIZES[kind] })),
      edges: this.wanted.edges.map((one) => ({
        source: one.source,
        target: one.target,
        length: isNear(one) ? 46 : 120,
      })),
    };
  }

  private arranged(found: Map<string, Position>): void {
    this.arranging = false;
    const spread = apart(this.boxes(), found);
    const made = new Map([...spread].filter(([id]) => !this.positions.has(id)));
    for (const [id, spot] of made) this.positions.set(id, spot);
    this.events.placed(made);
    this.settle();
  }

  private boxes(): Box[] {
    const hosts = this.wanted.nodes.filter((one) => one.kind === "xen_host");
    return hosts.map(({ id }) => {
      const within = this.wanted.nodes.filter((one) => one.parent === id).map((one) => one.id);
      return { members: within.length > 0 ? within : [id], margin: MARGIN };
    });
  }

  private again(milliseconds: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.settle(), milliseconds);
  }

  // ---- drawing

  private draw(): void {
    const nodes = this.wanted.nodes.filter((one) => this.isPlaced(one));
    const there = new Set(nodes.map((one) => one.id));
    const edges = this.wanted.edges.filter((one) => there.has(one.source) && there.has(one.target));
    this.drawing.show(nodes, edges, this.positions);
    this.fitFirst();
  }

  /** Fit what is there, once; a picture behind the table has no size to fit in. */
  private fitFirst(): void {
    if (this.fitted || this.arranging || this.cy.nodes().empty() || this.cy.width() === 0) return;
    this.fitted = true;
    this.fit();
  }

  private isPlaced(one: PictureNode): boolean {
    if (this.positions.has(one.id)) return true;
    return one.kind === "xen_host" && this.wanted.nodes.some((other) => other.parent === one.id);
  }

  // ---- hands

  private freed(node: NodeSingular): void {
    const moved = new Map<string, Position>();
    const nodes = node.isParent() ? node.children().toArray() : [node];
    const host = node.data("kind") === "router" ? this.hostUnder(node) : null;
    if (host !== null && host !== node.parent().first().id()) {
      const back = this.positions.get(node.id());
      if (back !== undefined) node.position({ x: back.x, y: back.y });
      this.events.dropped(node.id(), host);
      return;
    }
    for (const one of nodes) {
      const { x, y } = (one as NodeSingular).position();
      const spot = { x: Math.round(x * 100) / 100, y: Math.round(y * 100) / 100, pinned: true };
      this.positions.set(one.id(), spot);
      moved.set(one.id(), spot);
    }
    this.events.dragged(moved);
  }

  /** Return the host on whose box a node was dropped; its own box grew with it, and does not count. */
  private hostUnder(node: NodeSingular): string | null {
    const at = node.position();
    const own = node.parent().first().id();
    const found = this.cy.nodes("[kind='xen_host']").filter((one) => {
      if (one.id() === own) return false;
      const box = one.boundingBox({ includeLabels: false });
      return at.x >= box.x1 && at.x <= box.x2 && at.y >= box.y1 && at.y <= box.y2;
    });
    return found.empty() ? null : found.first().id();
  }
}

/** Return the distance that a node keeps from another one: routers of two hosts are in two boxes. */
function roomBetween(one: PictureNode, other: PictureNode | undefined): number {
  if (other === undefined) return 0;
  const isBox =
    other.kind === "xen_host" || (other.kind === "router" && other.parent !== one.parent);
  return isBox ? ROOMS.xen_host : 0;
}
