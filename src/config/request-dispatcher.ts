/**
 * An undici `Dispatcher`, by what is used of it.
 *
 * Structural, and not imported, because an application may have undici 8 where signalbox has 7: the types of the two
 * refuse each other over a callback (`onBodySent`) that is not used here, while what runs takes either.
 */
export interface RequestDispatcher {
  dispatch(options: object, handler: object): boolean;
}
