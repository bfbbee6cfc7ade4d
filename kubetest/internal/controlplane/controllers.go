package controlplane

import (
	"context"
	"fmt"
	"sync"
	"time"

	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/util/flowcontrol"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/controller/daemon"
	"k8s.io/kubernetes/pkg/controller/deployment"
	"k8s.io/kubernetes/pkg/controller/replicaset"
	"k8s.io/kubernetes/pkg/controller/serviceaccount"
	"k8s.io/kubernetes/pkg/controller/statefulset"
)

// controllers are the parts of kube-controller-manager that workloads need, each as the manager makes it. The manager
// itself would not run twice in a process.
type controllers struct {
	wait sync.WaitGroup
}

// workers is how many objects a controller works on at once; a cluster of tests has few.
const workers = 2

// startControllers runs the controllers until the context ends. Informers must be started afterwards.
func startControllers(ctx context.Context, client kubernetes.Interface, f informers.SharedInformerFactory) (*controllers, error) {
	apps, core := f.Apps().V1(), f.Core().V1()
	deployments, err := deployment.NewDeploymentController(ctx, apps.Deployments(), apps.ReplicaSets(), core.Pods(), client)
	if err != nil {
		return nil, fmt.Errorf("make the deployment controller: %w", err)
	}
	daemonSets, err := daemon.NewDaemonSetsController(ctx, apps.DaemonSets(), apps.ControllerRevisions(), core.Pods(), core.Nodes(), client,
		flowcontrol.NewBackOff(time.Second, 15*time.Minute))
	if err != nil {
		return nil, fmt.Errorf("make the daemon set controller: %w", err)
	}
	accounts, err := serviceaccount.NewServiceAccountsController(klog.FromContext(ctx), core.ServiceAccounts(), core.Namespaces(), client,
		serviceaccount.DefaultServiceAccountsControllerOptions())
	if err != nil {
		return nil, fmt.Errorf("make the service account controller: %w", err)
	}
	replicaSets := replicaset.NewReplicaSetController(ctx, apps.ReplicaSets(), core.Pods(), client, replicaset.BurstReplicas)
	statefulSets := statefulset.NewStatefulSetController(ctx, core.Pods(), apps.StatefulSets(), core.PersistentVolumeClaims(), apps.ControllerRevisions(), client)

	c := &controllers{}
	for _, run := range []func(context.Context, int){deployments.Run, replicaSets.Run, statefulSets.Run, daemonSets.Run, accounts.Run} {
		c.wait.Go(func() { run(ctx, workers) })
	}
	return c, nil
}

// stopped waits until the controllers have ended, after their context has.
func (c *controllers) stopped() { c.wait.Wait() }
