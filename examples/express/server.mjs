// @ts-check
import express from 'express';
import { fromClaim, routeRequests } from 'signalbox/express';
import { findOrder, findTenant } from './database.mjs';
import { provider } from './telemetry.mjs';

const app = express();

// Who asks is looked up, and that makes spans, before anybody knows whose they are.
app.use(async function authenticate(request, response, next) {
  const tenant = await findTenant(request.get('x-api-key'));
  if (tenant === undefined) {
    response.sendStatus(401);
    return;
  }
  Object.assign(request, { auth: { tenant } });
  next();
});

// The one statement that decides where the request's telemetry goes.
app.use(routeRequests({ route: fromClaim('tenant') }));

app.get('/orders/:id', async (request, response) => {
  response.json(await findOrder(request.params.id));
});

const server = app.listen(Number(process.env.PORT ?? 8080), '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') {
    console.log(`listening on http://127.0.0.1:${address.port}`);
  }
});

process.once('SIGTERM', () => server.close(() => provider.shutdown()));
