import http from 'node:http';
import Koa from 'koa';
import { routeRequests } from '../../src/boundary/koa.js';
import { describeRouteRequests, listen } from './contract.js';

describeRouteRequests('Koa', ({ options, inner, handle }) => {
  const app = new Koa();
  app.silent = true;
  app.use(routeRequests(options));
  const routeInner = routeRequests(inner);
  app.use((ctx, next) => (ctx.path === '/inner' ? routeInner(ctx, next) : next()));
  app.use(async (ctx) => {
    const body = await new Promise<string>((resolve) => {
      let text = '';
      ctx.req.on('data', (chunk) => {
        text += chunk;
      });
      ctx.req.on('end', () => resolve(text));
    });
    ctx.body = await handle({ url: ctx.url, body });
  });
  return listen(http.createServer(app.callback()));
});
