package server

import (
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// Health answers grpc.health.v1 for the whole server ("") and for [ServiceName].
type Health struct{ server *health.Server }

// NewHealth returns a Health that says NOT_SERVING until [Health.SetServing].
func NewHealth() *Health {
	h := &Health{server: health.NewServer()}
	h.SetServing(false)
	return h
}

// Register adds the health service to r.
func (h *Health) Register(r grpc.ServiceRegistrar) {
	healthpb.RegisterHealthServer(r, h.server)
}

// SetServing says SERVING or NOT_SERVING from now on, also to those who watch.
// NOT_SERVING takes this host out of Envoy's load balancing within one health
// check interval.
func (h *Health) SetServing(serving bool) {
	status := healthpb.HealthCheckResponse_NOT_SERVING
	if serving {
		status = healthpb.HealthCheckResponse_SERVING
	}
	h.server.SetServingStatus("", status)
	h.server.SetServingStatus(ServiceName, status)
}

// Shutdown says NOT_SERVING for good; SetServing has no effect afterwards.
func (h *Health) Shutdown() { h.server.Shutdown() }
