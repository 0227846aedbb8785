/** A whole configuration, with a secret of every kind. */
export const twoBackends = {
  SIGNALBOX_BACKENDS: 'standard,byoc-acme',
  SIGNALBOX_DEFAULT_ROUTE: 'standard',
  SIGNALBOX_ROUTES: 'acme=byoc-acme,globex=standard+byoc-acme',
  SIGNALBOX_BACKEND_STANDARD_PRESET: 'braintrust',
  SIGNALBOX_BACKEND_STANDARD_ENDPOINT: 'https://api.braintrust.example',
  SIGNALBOX_BACKEND_STANDARD_API_KEY: 'sk-secret-of-standard',
  SIGNALBOX_BACKEND_STANDARD_PARENT: 'project_name:checkout',
  SIGNALBOX_BACKEND_BYOC_ACME_TRACES_ENDPOINT: 'https://acme.example/in?token=secret-in-query',
  SIGNALBOX_BACKEND_BYOC_ACME_HEADERS: 'x-team=secret-in-header',
  SIGNALBOX_BACKEND_BYOC_ACME_PROXY: 'http://secret-user:secret-password@proxy.example:3128',
  SIGNALBOX_PROPAGATION_SECRET: 'secret-of-propagation-32-bytes-long',
  OTEL_BSP_SCHEDULE_DELAY: '250',
} as const;
