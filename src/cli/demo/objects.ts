// What `up --demo` deploys: nginx twice behind a Service, its page from a ConfigMap.
import { ConfigMap } from '../../api/kinds/config-map.ts'
import { Deployment } from '../../api/kinds/deployment.ts'
import { Service } from '../../api/kinds/service.ts'
import type { NewObject } from '../../api/meta/object.ts'

export const DEMO_NAME = 'hello'
const labels = { app: DEMO_NAME }

const PAGE = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Skiff</title></head>
<body><h1>Hello from Skiff</h1><p>nginx, in a pod, behind a Service, with this page from a ConfigMap.</p></body>
</html>
`

export const page: NewObject<ConfigMap> = {
  apiVersion: ConfigMap.apiVersion,
  kind: ConfigMap.kind,
  metadata: { name: DEMO_NAME, namespace: 'default', labels },
  data: { 'index.html': PAGE },
}

export const deployment = (image: string): NewObject<Deployment> => ({
  apiVersion: Deployment.apiVersion,
  kind: Deployment.kind,
  metadata: { name: DEMO_NAME, namespace: 'default', labels },
  spec: {
    replicas: 2,
    selector: { matchLabels: labels },
    template: {
      metadata: { labels },
      spec: {
        containers: [
          {
            name: 'nginx',
            image,
            imagePullPolicy: 'IfNotPresent',
            ports: [{ name: 'http', containerPort: 80 }],
            readinessProbe: { httpGet: { path: '/', port: 'http' }, periodSeconds: 1 },
            resources: { requests: { cpu: '10m', memory: '16Mi' } },
            volumeMounts: [{ name: 'page', mountPath: '/usr/share/nginx/html' }],
          },
        ],
        volumes: [{ name: 'page', configMap: { name: DEMO_NAME } }],
      },
    },
  },
})

export const service: NewObject<Service> = {
  apiVersion: Service.apiVersion,
  kind: Service.kind,
  metadata: { name: DEMO_NAME, namespace: 'default', labels },
  spec: { type: 'NodePort', selector: labels, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
}
