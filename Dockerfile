# The program alone: static, without a shell, as a user without a name. docs/container.md says how to build, check and run it.
FROM --platform=$BUILDPLATFORM golang:1.26.10-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETOS
ARG TARGETARCH
ARG VERSION=devel
ARG REVISION
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -buildvcs=false -ldflags="-s -w \
    -X github.com/corsgate/corsgate/internal/build.linkedVersion=$VERSION \
    -X github.com/corsgate/corsgate/internal/build.linkedRevision=$REVISION" -o /out/corsgate ./cmd/corsgate
# Read from the program, so that it works for a platform that cannot be run here.
RUN mkdir /out/state && go run ./deploy/image/sbom /out/corsgate "$VERSION" "$REVISION" > /out/corsgate.cdx.json

FROM scratch
# The authorities are for a Redis with a certificate of a public one; nobody else is called.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /src/LICENSE /usr/share/doc/corsgate/LICENSE
COPY --from=build /out/corsgate.cdx.json /usr/share/sbom/corsgate.cdx.json
COPY --from=build /out/corsgate /corsgate
# For --state-dir: a volume that is mounted here belongs to the user below.
COPY --from=build --chown=65532:65532 /out/state /var/lib/corsgate
ARG VERSION=devel
ARG REVISION
LABEL org.opencontainers.image.title="corsgate" \
      org.opencontainers.image.description="CORS decisions for Envoy, per tenant" \
      org.opencontainers.image.source="https://github.com/corsgate/corsgate" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
USER 65532:65532
EXPOSE 9002 9003
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s CMD ["/corsgate", "health"]
ENTRYPOINT ["/corsgate"]
CMD ["serve", "--tenants", "/etc/corsgate/tenants"]
