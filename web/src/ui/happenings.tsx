/** What happened lately: to everything, or to one object. */

import { aboutText } from "../model/about.ts";
import { kindText, timeOfDay } from "../model/naming.ts";
import { concerns, type World } from "../model/world.ts";

export function Concerning({ world, words }: { world: World; words: string[] }) {
  const events = world.events.filter((event) => concerns(event, words)).slice(-20);
  return events.length === 0 ? null : <Events events={events} world={world} />;
}

export function Events({ events, world }: { events: World["events"]; world: World }) {
  return (
    <>
      <h3>Events</h3>
      <ol class="events">
        {[...events].reverse().map((event) => (
          <li key={event.seq}>
            <time>{timeOfDay(event.at)}</time>{" "}
            <span>
              {kindText(event.kind)}{" "}
              <span class="about">{aboutText(event, world.network.switches)}</span>
            </span>
          </li>
        ))}
      </ol>
    </>
  );
}
