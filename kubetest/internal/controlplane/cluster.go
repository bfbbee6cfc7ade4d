// Package controlplane runs Kubernetes clusters inside this process: etcd, a kube-apiserver for each, and the
// controllers that make workloads of stored objects, all as the Kubernetes project builds them.
//
// It must not know who asks for clusters, what is tested with them, or how pods come to run: package standin does that.
package controlplane

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"offboard/kubetest/internal/standin"
)

// Cluster is a Kubernetes cluster that can be stopped and started again, at the same address and with the same
// credentials; what it holds stays in etcd.
type Cluster struct {
	name        string
	database    *Etcd
	pace        standin.Pace
	credentials *credentials
	address     string // host:port, once it was started

	mu     sync.Mutex
	starts int
	stop   func() error // nil while it does not run
}

// NewCluster prepares a cluster without running it: its credentials and later its kubeconfigs are files of dir, which is
// made if it is missing. A cluster that ran there in an earlier process, however that ended, has the same address and
// credentials again. The name must be unique among those that share the database.
func NewCluster(name, dir string, database *Etcd, pace standin.Pace) (*Cluster, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the directory of cluster %s: %w", name, err)
	}
	c, address, err := loadCredentials(dir)
	if errors.Is(err, fs.ErrNotExist) {
		address = "127.0.0.1:0"
		c, err = newCredentials(dir)
	}
	if err != nil {
		return nil, err
	}
	return &Cluster{name: name, database: database, pace: pace, credentials: c, address: address}, nil
}

// Start returns when the cluster takes workloads, with the URL of its API. A cluster that runs already is left alone.
func (c *Cluster) Start(ctx context.Context) (server string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stop == nil {
		if c.stop, err = c.start(ctx); err != nil {
			return "", fmt.Errorf("start cluster %s: %w", c.name, err)
		}
	}
	return "https://" + c.address, nil
}

// Stop ends the cluster; its address refuses connections when Stop returns. A cluster that does not run is left alone.
func (c *Cluster) Stop() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stop == nil {
		return nil
	}
	stop := c.stop
	c.stop = nil
	if err := stop(); err != nil {
		return fmt.Errorf("stop cluster %s: %w", c.name, err)
	}
	return nil
}

func (c *Cluster) start(ctx context.Context) (stop func() error, err error) {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", c.address)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	c.address = listener.Addr().String()
	c.starts++
	serving, stopServing := context.WithCancel(context.Background())
	server, err := startAPIServer(serving, c.name+"-"+strconv.Itoa(c.starts), listener, flagsOf(c.name, c.database, c.credentials))
	if err != nil {
		stopServing()
		return nil, errors.Join(err, listener.Close())
	}
	stopWorking := func() {}
	stop = func() error {
		stopWorking() // first, or the server would wait for the controllers' watches
		stopServing()
		return <-server.ended
	}
	if err = server.ready(ctx); err == nil {
		stopWorking, err = c.work(ctx, server.loopback)
	}
	if err == nil {
		err = c.credentials.writeKubeconfigs("https://" + c.address)
	}
	if err != nil {
		return nil, errors.Join(err, stop())
	}
	return stop, nil
}

// work runs what acts on the objects: the controllers, and the stand-in for scheduler and kubelets.
func (c *Cluster) work(ctx context.Context, loopback *rest.Config) (stop func(), err error) {
	config := rest.CopyConfig(loopback)
	config.QPS = -1 // a limit of the client's would show in rollouts
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make the controllers' client: %w", err)
	}
	working, cancel := context.WithCancel(context.Background())
	factory := informers.NewSharedInformerFactory(client, 0)
	running, err := startControllers(working, client, factory)
	if err != nil {
		cancel()
		return nil, err
	}
	nodes := standin.New(client, factory, c.pace)
	factory.Start(working.Done())
	factory.WaitForCacheSync(working.Done())
	running.wait.Go(func() { nodes.Run(working) })
	stop = func() {
		cancel()
		running.stopped()
		factory.Shutdown()
	}
	if err := takesPods(ctx, client); err != nil {
		stop()
		return nil, err
	}
	return stop, nil
}

// takesPods waits for what a pod cannot be made without: the service account of its namespace.
func takesPods(ctx context.Context, client kubernetes.Interface) error {
	for _, namespace := range []string{metav1.NamespaceSystem, metav1.NamespaceDefault} {
		err := wait.PollUntilContextTimeout(ctx, 20*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
			_, err := client.CoreV1().ServiceAccounts(namespace).Get(ctx, "default", metav1.GetOptions{})
			return err == nil, nil // it is not there yet
		})
		if err != nil {
			return fmt.Errorf("wait for the service account of %s: %w", namespace, err)
		}
	}
	return nil
}
