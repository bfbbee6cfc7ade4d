# One image with both programs: `worker` is what it runs; `starter` is there for the door, the codec server, the set-up, and an
# operator who may only enter the container. A target `sandbox` is the simulated IBM Cloud.
FROM golang:1.26.8-bookworm AS build
WORKDIR /src
# Static, so that the image needs no C library.
ENV CGO_ENABLED=0 GOCACHE=/go/build-cache
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
# Say --build-arg VERSION=v1.2.3: the build has no repository to read it from.
ARG VERSION=
# Without paths of the build machine, so that two builds are the same.
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/go/build-cache \
    go build -trimpath -ldflags="-s -w -X offboard/internal/app.release=$VERSION" -o /out/ ./worker ./starter
# What a new volume for reports or for the door's store looks like.
RUN mkdir -p /state/reports

FROM build AS build-sandbox
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/go/build-cache \
    go build -C dev -trimpath -ldflags="-s -w" -o /out/ibmsim ./cmd/ibmsim

FROM gcr.io/distroless/static-debian12:nonroot AS sandbox
COPY --from=build-sandbox /out/ibmsim /usr/local/bin/
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/ibmsim"]

# Root certificates and time zones, no shell, no package manager. The last stage is what is built by default.
FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/worker /out/starter /usr/local/bin/
COPY --from=build --chown=65532:65532 /state /var/lib/offboard
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/worker"]
