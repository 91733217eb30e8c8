# The program alone: static, without a shell, as a user without a name.
FROM golang:1.26.8-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /out/corsgate ./cmd/corsgate && mkdir /out/state

FROM scratch
LABEL org.opencontainers.image.title="corsgate" \
      org.opencontainers.image.description="CORS decisions for Envoy, per tenant" \
      org.opencontainers.image.source="https://github.com/corsgate/corsgate" \
      org.opencontainers.image.licenses="Apache-2.0"
# The authorities are for a Redis with a certificate of a public one; nobody else is called.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/corsgate /corsgate
# For --state-dir: a volume that is mounted here belongs to the user below.
COPY --from=build --chown=65532:65532 /out/state /var/lib/corsgate
USER 65532:65532
EXPOSE 9002 9003
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s CMD ["/corsgate", "health"]
ENTRYPOINT ["/corsgate"]
CMD ["serve", "--tenants", "/etc/corsgate/tenants"]
