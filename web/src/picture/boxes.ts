/** Keeps the boxes of hosts apart: one that lies on another goes right, with all that is within it. Pure. */

import type { Position } from "../api/types.ts";

export interface Box {
  /** What is within: the ids that have positions. */
  members: readonly string[];
  /** How far it reaches to each side of its members. */
  margin: { x: number; y: number };
}

const GAP = 40;

interface Bounds {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** Return the positions with no box on another; the leftmost stay. */
export function apart(
  boxes: readonly Box[],
  positions: ReadonlyMap<string, Position>,
): Map<string, Position> {
  const found = new Map(positions);
  const settled: Bounds[] = [];
  const inOrder = boxes
    .map((box) => ({ box, bounds: boundsOf(box, positions) }))
    .sort((one, other) => one.bounds.left - other.bounds.left);
  for (const { box, bounds } of inOrder) {
    const by = shift(bounds, settled);
    settled.push({ ...bounds, left: bounds.left + by, right: bounds.right + by });
    for (const id of box.members) {
      const spot = found.get(id);
      if (spot !== undefined) found.set(id, { ...spot, x: spot.x + by });
    }
  }
  return found;
}

/** Return how far right a box has to go to lie on none of the others. */
function shift(box: Bounds, others: readonly Bounds[]): number {
  let by = 0;
  for (const other of [...others].sort((one, two) => one.right - two.right)) {
    const isBeside = box.left + by >= other.right + GAP || box.right + by + GAP <= other.left;
    const isAbove = box.bottom + GAP <= other.top || box.top >= other.bottom + GAP;
    if (!isBeside && !isAbove) by = other.right + GAP - box.left;
  }
  return by;
}

function boundsOf({ members, margin }: Box, positions: ReadonlyMap<string, Position>): Bounds {
  const spots = members.flatMap((id) => positions.get(id) ?? []);
  const [xs, ys] = [spots.map((one) => one.x), spots.map((one) => one.y)];
  return {
    left: Math.min(...xs) - margin.x,
    right: Math.max(...xs) + margin.x,
    top: Math.min(...ys) - margin.y,
    bottom: Math.max(...ys) + margin.y,
  };
}
