/** An action that this deployment has nothing for: why, and a way out. */

import { usePage } from "./context.tsx";

export function Lacking({ title, why }: { title: string; why: string }) {
  const { view } = usePage();
  return (
    <section class="act" aria-label={title}>
      <h2>{title}</h2>
      <p class="note" id="lacking">
        {why}
      </p>
      <p class="buttons">
        <button type="button" onClick={() => view.set({ mode: { kind: "look" } })}>
          Close
        </button>
      </p>
    </section>
  );
}
