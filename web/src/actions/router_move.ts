/** How a router is moved best, by what its hosts declare. Pure. */

import type { RouterMigration, XenHost } from "../api/types.ts";
import { command } from "./equivalents.ts";

export type MoveMode = "plane-separation" | "standard";
export const MOVE_MODES: readonly MoveMode[] = ["plane-separation", "standard"];

export interface Plane {
  router: string;
  state: string;
}

const MOVING = ["migration", "migration_within_machine"];

/** Tell whether a host declares that domains can be moved from and to it. */
export const canMove = (host: XenHost): boolean =>
  host.state === "connected" && host.capabilities.some((one) => MOVING.includes(one));

/** Return the mode in which fewest packets are lost: a plane that is separated passes them on. */
export function bestMode(planes: readonly Plane[], router: string): MoveMode {
  const isSeparated = planes.some((one) => one.router === router && one.state === "separated");
  return isSeparated ? "plane-separation" : "standard";
}

/** Return what a mode means for the packets of a router. */
export function modeWords(mode: MoveMode, best: MoveMode): string {
  if (mode === "plane-separation")
    return best === mode
      ? "Its planes are separated: its host passes packets on while it is moved."
      : "Its planes are not separated here, so this will be refused.";
  return best === mode
    ? "Its planes are not separated here: packets are lost while it stands still."
    : "Packets are lost while it stands still; plane-separation would pass them on.";
}

/** Return the newest migration of a router; undefined if it has none. */
export function newestMove(
  migrations: Iterable<{ kind: string; started: number }>,
  domain: string,
): RouterMigration | undefined {
  return [...migrations]
    .filter((one): one is RouterMigration => one.kind === "router")
    .filter((one) => one.domain === domain)
    .sort((one, other) => other.started - one.started)[0];
}

/** Return what ends a migration whose source goes on trying something in vain. */
export const givingUp = ({ id }: RouterMigration) => ({
  request: { method: "POST", path: `/v1/migrations/${id}/give-up`, body: {} },
  command: command("xen", "give-up", id),
});

const ENDED = ["done", "rolled_back", "failed"];

/** Tell whether a router is on its way. */
export const isUnderWay = (move: RouterMigration | undefined): boolean =>
  move !== undefined && !ENDED.includes(move.state);
