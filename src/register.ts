import { register } from './register/register.js';

/**
 * `node --import signalbox/register app.js`: sets up tracing from the environment, before the application's first
 * line and without any of its code. `docs/register.md` says what that is.
 */
register();
