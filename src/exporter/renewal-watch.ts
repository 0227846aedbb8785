/**
 * Creates what watches promises of other credentials: it calls back once for each that resolves, however often it was
 * asked to watch it meanwhile.
 *
 * All that is refused with one key waits for the same promise, which may never resolve, and keeps whatever its reactions
 * refer to. So there is one reaction for each promise, and none for each batch or file, which must be free to go.
 */
export function createRenewalWatch(
  onRenewed: (renewed: Promise<void>) => void,
): (renewed: Promise<void>) => void {
  const watched = new WeakSet<Promise<void>>();
  return (renewed) => {
    if (watched.has(renewed)) return;
    watched.add(renewed);
    void renewed.then(() => {
      // What was refused with the key of before may come only now, and has to be told as well.
      watched.delete(renewed);
      onRenewed(renewed);
    });
  };
}
