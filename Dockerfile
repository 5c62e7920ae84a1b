# The image of insid, insic and the reconciler: production dependencies only, numeric non-root user, read-only root filesystem.
#   docker build -t insi .
#   docker run --rm -p 8080:8080 -v "$PWD/cluster.yaml:/etc/insi/cluster.yaml:ro" -v insi-data:/data insi --as node0
#   docker run --rm --entrypoint insi-reconciler insi --help
ARG NODE_IMAGE=node:26-bookworm-slim

# Builds on the machine's own architecture, whatever the image is for, so that nothing is emulated: the last stage runs nothing.
# BuildKit sets BUILDPLATFORM and TARGETARCH; without it the image is for the machine's own.
FROM --platform=${BUILDPLATFORM:-linux} ${NODE_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json ./
# No install scripts: the native addons ship prebuilt, and the image brings its own Node.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY scripts ./scripts
COPY src ./src
RUN npm run build \
 && find dist -name '*.d.ts' -delete \
 && mkdir -p rootfs/data rootfs/etc/insi rootfs/usr/local/bin \
 && ln -s /app/dist/bin/insid.js rootfs/usr/local/bin/insid \
 && ln -s /app/dist/bin/insic.js rootfs/usr/local/bin/insic \
 && ln -s /app/dist/bin/insi-reconciler.js rootfs/usr/local/bin/insi-reconciler \
 && chmod 755 dist/bin/*.js && chown -R 65532:65532 rootfs/data
ARG TARGETARCH
# The dependencies of production, with the addons of the image's architecture: Node says x64 where Docker says amd64. Sources, and
# prebuilt addons of other systems, are dead weight in an image.
RUN cpu="${TARGETARCH:-$(node -p process.arch)}" && if [ "$cpu" = amd64 ]; then cpu=x64; fi \
 && npm ci --omit=dev --ignore-scripts --no-audit --no-fund --os=linux --cpu="$cpu" --libc=glibc \
 && find node_modules/classic-level/prebuilds -mindepth 1 -maxdepth 1 ! -name "linux-$cpu" -exec rm -rf {} + \
 && ls node_modules/classic-level/prebuilds/linux-*/*.node \
 && rm -rf node_modules/classic-level/deps node_modules/browser-level \
 && find node_modules -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.md' \) -delete

FROM ${NODE_IMAGE}
ARG VERSION=0.0.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
ARG NODE_IMAGE
LABEL org.opencontainers.image.title="insi" \
      org.opencontainers.image.description="Durable key-value store, cache, events and tenants behind one HTTP API, replicated by Raft" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.base.name="${NODE_IMAGE}"
ENV NODE_ENV=production INSI_HOME=/data
COPY --from=build /build/rootfs/ /
COPY --from=build /build/package.json /app/package.json
COPY --from=build /build/node_modules /app/node_modules
COPY --from=build /build/dist /app/dist
WORKDIR /data
USER 65532:65532
EXPOSE 8080 8081 7000 9090
# The heap follows the memory limit of the container; LevelDB and buffers need the rest.
ENTRYPOINT ["/usr/local/bin/node", "--max-old-space-size-percentage=60", "/app/dist/bin/insid.js", "--config", "/etc/insi/cluster.yaml"]
CMD ["--host"]
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["/usr/local/bin/node", "/app/dist/bin/insid.js", "healthcheck", "--config", "/etc/insi/cluster.yaml"]
