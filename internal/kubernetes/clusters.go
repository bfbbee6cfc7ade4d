// Package kubernetes says the port Workloads in the words of the Kubernetes API: what in a cluster depends on the
// cluster key, restarting it, and the role bindings that name somebody who leaves.
//
// It knows client-go and the domain (internal/offboard). It must not know Temporal, IBM's SDKs, how a kubeconfig comes
// about, or in which order its verbs are used. It waits for nothing: every verb asks, acts and returns, and whoever
// wants to wait asks again.
package kubernetes

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"offboard/internal/offboard"
	"offboard/internal/share"
)

// Config says how clusters are reached.
type Config struct {
	// Kubeconfig fetches a cluster's kubeconfig. It is a secret: it is held in memory, for at most Cache, and is never
	// part of an error or a log. Its errors should be *offboard.Error; they are passed on as they are.
	Kubeconfig func(ctx context.Context, clusterID string) ([]byte, error)
	// Timeout limits one request, its answer included. Default 20 s.
	Timeout time.Duration
	// Cache is how long a client is used before its kubeconfig is fetched again. Default 10 min.
	Cache time.Duration
	// UserAgent names the engine in the clusters' audit logs. Default "offboard".
	UserAgent string
	// Observe, if set, is told of every finished exchange, with the context of whoever asked. It must be safe for
	// concurrent use.
	Observe func(context.Context, Call)
}

// Clusters implements the port Workloads. All errors are *offboard.Error, save the context's own, which are returned as
// they are. Every verb may be repeated: after a lost reply the second call finds the first one's work done.
type Clusters struct {
	config Config

	fetches     singleflight.Group // of kubeconfigs
	inspections share.Reads[offboard.Inspection]
	room        chan struct{} // of inspections
	mu          sync.Mutex
	clients     map[string]*client
}

// New makes an adapter that has not connected to anything yet. c.Kubeconfig is required.
func New(c Config) *Clusters {
	c.Timeout = cmp.Or(c.Timeout, 20*time.Second)
	c.Cache = cmp.Or(c.Cache, 10*time.Minute)
	c.UserAgent = cmp.Or(c.UserAgent, "offboard")
	if c.Observe == nil {
		c.Observe = func(context.Context, Call) {}
	}
	return &Clusters{config: c, clients: make(map[string]*client), room: make(chan struct{}, mostInspections)}
}

// mostInspections is how many clusters are looked into at the same time. Each needs connections, and what they carry, so a
// survey of thousands would need as much memory as there are clusters. Nobody waits for it at IBM's pace: each needs a kubeconfig first,
// and the containers API gives out fewer in the time that one look takes.
const mostInspections = 200

// with runs do with a client of the cluster. Credentials may expire or be revoked at any time, so a client that was
// answered 401 is dropped and do runs once more with a fresh kubeconfig; do must bear that.
func (c *Clusters) with(ctx context.Context, clusterID string, do func(*client) error) error {
	k, err := c.client(ctx, clusterID)
	if err != nil {
		return err
	}
	err = do(k)
	if err == nil || !k.refused.Load() {
		return err
	}
	c.drop(k)
	if k, err = c.client(ctx, clusterID); err != nil {
		return err
	}
	return do(k)
}

// client returns the cluster's client, a new one if there is none or its time is over.
func (c *Clusters) client(ctx context.Context, clusterID string) (*client, error) {
	if k := c.cached(clusterID); k != nil {
		return k, nil
	}
	// Who asks while somebody else fetches gets the same answer.
	fetched := c.fetches.DoChan(clusterID, func() (any, error) {
		// The fetch serves everybody who waits, so it must not end with one caller's context.
		own, cancel := context.WithTimeout(context.WithoutCancel(ctx), kubeconfigTimeout)
		defer cancel()
		return c.connect(own, clusterID)
	})
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case r := <-fetched:
		if r.Err != nil {
			return nil, r.Err
		}
		return r.Val.(*client), nil
	}
}

// kubeconfigTimeout ends a fetch. Callers wait for it no longer than their own context.
const kubeconfigTimeout = time.Minute

func (c *Clusters) connect(ctx context.Context, clusterID string) (*client, error) {
	kubeconfig, err := c.config.Kubeconfig(ctx, clusterID)
	if err != nil {
		return nil, translate(ctx, "fetch the kubeconfig of cluster "+clusterID, err)
	}
	k, err := connect(clusterID, kubeconfig, c.config)
	if err != nil {
		return nil, err
	}
	c.keep(k)
	return k, nil
}

func (c *Clusters) cached(clusterID string) *client {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.clients[clusterID]
	if k == nil || k.refused.Load() || time.Now().After(k.expires) {
		return nil
	}
	return k
}

// keep stores a client and lets go of all whose time is over: an account has a thousand clusters, and each client holds
// credentials and connections.
func (c *Clusters) keep(k *client) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	for id, other := range c.clients {
		if id == k.cluster || now.After(other.expires) {
			other.http.CloseIdleConnections()
			delete(c.clients, id)
		}
	}
	c.clients[k.cluster] = k
}

func (c *Clusters) drop(k *client) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k.http.CloseIdleConnections()
	if c.clients[k.cluster] == k {
		delete(c.clients, k.cluster)
	}
}

// unreachable tells whether err means that the cluster's API does not answer from here, and why.
func unreachable(err error) (reason string, yes bool) {
	failed, ok := errors.AsType[*offboard.Error](err)
	if !ok || failed.Code != offboard.Unreachable {
		return "", false
	}
	return cmp.Or(failed.Message, failed.Error()), true
}
