import type { Server } from 'node:http';
import http from 'node:http';
import express from 'express';
import express4 from 'express4';
import { routeRequests } from '../../src/boundary/express.js';
import { type Application, describeRouteRequests, listen } from './contract.js';

function startWith(framework: typeof express) {
  return ({ options, inner, handle }: Application): Promise<Server> => {
    const app = framework();
    app.use(routeRequests(options));
    app.use(framework.text());
    app.use('/inner', framework.Router().use(routeRequests(inner)));
    app.use((request, response, next) => {
      const body = typeof request.body === 'string' ? request.body : '';
      handle({ url: request.originalUrl, body }).then((answer) => response.end(answer), next);
    });
    app.use(((_error, _request, response, _next) => {
      response.status(500).end('failed');
    }) satisfies express.ErrorRequestHandler);
    return listen(http.createServer(app));
  };
}

describeRouteRequests('Express 5', startWith(express));
describeRouteRequests('Express 4', startWith(express4));
