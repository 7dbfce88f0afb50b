# syntax=docker/dockerfile:1

# The server's packages, exactly as locked, without those for development.
FROM node:24-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --no-audit --no-fund

# For trying: anvil as a chain, and what puts the contracts on any chain.
FROM node:24-bookworm-slim AS tools
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --no-fund
COPY src src
COPY local local
COPY tools tools
RUN mkdir /data /deployments && chown node:node /data /deployments
USER node
CMD ["node", "tools/deploy.ts", "--help"]

# The server. Node runs the TypeScript as it is.
FROM node:24-bookworm-slim AS server
ENV NODE_ENV=production HOST=0.0.0.0 PORT=7100 DATA_FOLDER=/data DEPLOYMENTS_FOLDER=/deployments
WORKDIR /app
RUN mkdir /data /deployments && chown node:node /data /deployments
COPY --from=packages /app/node_modules node_modules
COPY package.json ./
COPY src src
COPY ops ops
USER node
VOLUME /data
EXPOSE 7100
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + process.env.PORT + '/health').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "src/main.ts"]
