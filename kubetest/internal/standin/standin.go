// Package standin stands in for what would run pods on machines: the scheduler, a kubelet for every node, and the
// add-on manager of a cloud. It runs no container. It puts pods on nodes, says of them what a kubelet would say, and
// takes them away when they are deleted, at a pace that whoever starts it chooses.
//
// It knows a cluster as any client does. It must not know how the cluster came about or what is tested with it.
package standin

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	apps "k8s.io/client-go/listers/apps/v1"
	core "k8s.io/client-go/listers/core/v1"
	"k8s.io/klog/v2"
)

// Annotations of a Deployment or StatefulSet (not of its pods' template, which would begin a rollout) that steer the
// stand-in. They may be set and taken away at any time.
const (
	// NeverReady keeps new pods of the workload from getting ready; the value is the reason their containers wait for,
	// such as ImagePullBackOff. When it is taken away, those pods start.
	NeverReady = "kubetest/never-ready"
	// Lingering keeps deleted pods of the workload from going away, whatever its value.
	Lingering = "kubetest/lingering"
	// Reverting makes the add-on manager take changed annotations of the pods' template back, to what they were when it
	// first saw this annotation; the value says how long after the change, such as "1s".
	Reverting = "kubetest/reverting"
)

// Pace is how long pods take. Zero means as fast as the stand-in looks, which is fifty times a second.
type Pace struct {
	Start time.Duration // from being on a node to Ready; its containers run after half of it
	Stop  time.Duration // from the deletion to being gone
}

// look is the time between two looks at the cluster. The stand-in looks rather than reacts: what it does depends on
// objects and on time, and a look at both is all it takes to go on after any error.
const look = 20 * time.Millisecond

// Standin acts on one cluster.
type Standin struct {
	client kubernetes.Interface
	pace   Pace

	pods         core.PodLister
	nodes        core.NodeLister
	deployments  apps.DeploymentLister
	replicaSets  apps.ReplicaSetLister
	statefulSets apps.StatefulSetLister

	started  map[types.UID]time.Time // pods: when their containers began to start
	stopping map[types.UID]time.Time // pods: when their deletion was first seen
	addons   map[types.UID]*addon
	bound    int // pods put on nodes so far
}

// New makes a stand-in that looks through the factory's informers, which must be started and filled before Run.
func New(client kubernetes.Interface, f informers.SharedInformerFactory, pace Pace) *Standin {
	return &Standin{
		client: client, pace: pace,
		pods: f.Core().V1().Pods().Lister(), nodes: f.Core().V1().Nodes().Lister(),
		deployments: f.Apps().V1().Deployments().Lister(), replicaSets: f.Apps().V1().ReplicaSets().Lister(), statefulSets: f.Apps().V1().StatefulSets().Lister(),
		started: map[types.UID]time.Time{}, stopping: map[types.UID]time.Time{}, addons: map[types.UID]*addon{},
	}
}

// Run acts until the context ends. Errors are logged and tried again at the next look: most of them say that the
// informers had not heard of the last change yet.
func (s *Standin) Run(ctx context.Context) {
	ticks := time.NewTicker(look)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		for _, act := range []func(context.Context) error{s.readyNodes, s.runPods, s.manageAddons} {
			if err := act(ctx); err != nil && ctx.Err() == nil {
				klog.V(2).ErrorS(err, "stand-in")
			}
		}
	}
}
