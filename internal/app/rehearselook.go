package app

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"offboard/internal/ibmcloud"
	"offboard/internal/kubernetes"
	"offboard/internal/rehearsal"
)

// lookAt reads the real account, and measures how long it takes to answer.
func lookAt(ctx context.Context, config Config, user string, logger *zap.Logger) (rehearsal.View, time.Duration, error) {
	var pace stopwatch
	ports, err := readingPorts(config, logger, &pace)
	if err != nil {
		return rehearsal.View{}, 0, err
	}
	view, err := rehearsal.Look(ctx, ports, rehearsal.Subject{User: user, Policy: config.Policy})
	if err != nil {
		return rehearsal.View{}, 0, fmt.Errorf("look at account %s: %w", config.Account, err)
	}
	return view, pace.median(), nil
}

// readingPorts are the adapters, of which only what reads can be reached: by the types of the ports, and for IBM's APIs by
// the transport besides.
func readingPorts(config Config, logger *zap.Logger, pace *stopwatch) (rehearsal.Ports, error) {
	ids := make([]ibmcloud.FunctionalID, len(config.FunctionalIDs))
	for i, f := range config.FunctionalIDs {
		ids[i] = ibmcloud.FunctionalID{Email: f.Email, APIKey: f.Key.Read}
	}
	log := logCall(logger)
	cloud, err := ibmcloud.New(ibmcloud.Config{
		Account: config.Account, APIKey: config.Key.Read, FunctionalIDs: ids, Endpoints: config.Endpoints,
		ContainersCalls: config.Worker.ContainersCalls, UserAgent: userAgent,
		HTTPClient: &http.Client{Transport: ibmcloud.ReadOnly(nil)},
		Observe: func(ctx context.Context, call ibmcloud.Call) {
			pace.took(call.Duration)
			log(ctx, call)
		},
	})
	if err != nil {
		return rehearsal.Ports{}, fmt.Errorf("make the IBM Cloud client: %w", err)
	}
	return rehearsal.Ports{
		Users: cloud.Users, Keys: cloud.Keys, Clusters: cloud.Clusters, Successors: cloud.Successors, Access: rightsOf{cloud.Access},
		Workloads: kubernetes.New(kubernetes.Config{Kubeconfig: cloud.Kubeconfig, UserAgent: userAgent}),
	}, nil
}

// rightsOf says what the adapter says of access in the rehearsal's words.
type rightsOf struct{ access *ibmcloud.Access }

// TrustedProfiles implements rehearsal.Access.
func (r rightsOf) TrustedProfiles(ctx context.Context, iamID string) ([]string, error) {
	return r.access.TrustedProfiles(ctx, iamID)
}

// Rights implements rehearsal.Access.
func (r rightsOf) Rights(ctx context.Context, iamID string) ([]rehearsal.Right, error) {
	found, err := r.access.Rights(ctx, iamID)
	if err != nil {
		return nil, err
	}
	list := make([]rehearsal.Right, len(found))
	for i, right := range found {
		list[i] = rehearsal.Right{Roles: right.Roles, Resources: right.Resources}
	}
	return list, nil
}

// stopwatch measures how long requests take. Its zero value is ready, and it is safe for concurrent use.
type stopwatch struct {
	mu    sync.Mutex
	times []time.Duration
}

func (s *stopwatch) took(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.times = append(s.times, d)
}

// mostLatency keeps a rehearsal from being as slow as an account that is far away.
const mostLatency = 250 * time.Millisecond

// median is how long a request usually takes, to be rehearsed with.
func (s *stopwatch) median() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.times) == 0 {
		return 0
	}
	slices.Sort(s.times)
	return min(s.times[len(s.times)/2], mostLatency)
}
