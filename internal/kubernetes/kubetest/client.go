package kubetest

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
	appsclient "k8s.io/client-go/kubernetes/typed/apps/v1"
	coreclient "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Client is an administrator's way into a cluster, to fill it and to look into it.
type Client struct {
	Core coreclient.CoreV1Interface
	Apps appsclient.AppsV1Interface

	namespaces sync.Map // those known to be there, by name
}

// Config is a configuration for client-go out of one of the cluster's kubeconfigs, without a limit of requests.
func (c Cluster) Config(kubeconfig string) (*rest.Config, error) {
	text, err := c.Kubeconfig(kubeconfig)
	if err != nil {
		return nil, err
	}
	config, err := clientcmd.RESTConfigFromKubeConfig(text)
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig %s: %w", kubeconfig, err)
	}
	config.ContentType, config.QPS = runtime.ContentTypeJSON, -1
	return config, nil
}

// Client connects as an administrator.
func (c Cluster) Client() (*Client, error) {
	config, err := c.Config(Admin)
	if err != nil {
		return nil, err
	}
	core, err := coreclient.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", c.Server, err)
	}
	apps, err := appsclient.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", c.Server, err)
	}
	return &Client{Core: core, Apps: apps}, nil
}

// Create stores objects of any built-in kind, in namespaces that are made if they are missing. An object there is
// already stays as it is.
func (c *Client) Create(ctx context.Context, objects ...runtime.Object) error {
	for _, o := range objects {
		if err := c.create(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

func (c *Client) create(ctx context.Context, o runtime.Object) error {
	about, err := meta.Accessor(o)
	if err != nil {
		return fmt.Errorf("create a %T: %w", o, err)
	}
	what := fmt.Sprintf("create %T %s/%s", o, about.GetNamespace(), about.GetName())
	kinds, _, err := scheme.Scheme.ObjectKinds(o)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	body, err := runtime.Encode(scheme.Codecs.LegacyCodec(kinds[0].GroupVersion()), o)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	resource, _ := meta.UnsafeGuessKindToResource(kinds[0])
	path := "/apis/" + resource.Group + "/" + resource.Version
	if resource.Group == "" {
		path = "/api/" + resource.Version
	}
	if ns := about.GetNamespace(); ns != "" {
		if err := c.namespace(ctx, ns); err != nil {
			return err
		}
		path += "/namespaces/" + ns
	}
	err = c.Core.RESTClient().Post().AbsPath(path, resource.Resource).Body(body).Do(ctx).Error()
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// namespace makes a namespace if there is none. Its pods come when its service account does, a moment later.
func (c *Client) namespace(ctx context.Context, name string) error {
	if _, known := c.namespaces.Load(name); known {
		return nil
	}
	_, err := c.Core.Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("create namespace %s: %w", name, err)
	}
	c.namespaces.Store(name, true)
	return nil
}

// Settled tells whether every workload of the cluster has all the pods it wants, ready unless they are NeverReady.
func (c *Client) Settled(ctx context.Context) (bool, error) {
	deployments, err := c.Apps.Deployments("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return false, fmt.Errorf("list the deployments: %w", err)
	}
	for _, d := range deployments.Items {
		s, held := d.Status, d.Annotations[NeverReady] != ""
		if s.ObservedGeneration < d.Generation || s.Replicas != *d.Spec.Replicas || !held && s.AvailableReplicas != s.Replicas {
			return false, nil
		}
	}
	sets, err := c.Apps.StatefulSets("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return false, fmt.Errorf("list the stateful sets: %w", err)
	}
	for _, d := range sets.Items {
		s, held := d.Status, d.Annotations[NeverReady] != ""
		if s.ObservedGeneration < d.Generation || s.Replicas != *d.Spec.Replicas || !held && s.AvailableReplicas != s.Replicas {
			return false, nil
		}
	}
	daemons, err := c.Apps.DaemonSets("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return false, fmt.Errorf("list the daemon sets: %w", err)
	}
	nodes, err := c.Core.Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return false, fmt.Errorf("list the nodes: %w", err)
	}
	for _, d := range daemons.Items {
		if missing(d, len(nodes.Items)) {
			return false, nil
		}
	}
	return true, nil
}

func missing(d appsv1.DaemonSet, nodes int) bool {
	return d.Status.ObservedGeneration < d.Generation || int(d.Status.NumberAvailable) != nodes
}

// Steer sets one of the annotations of a workload, or takes it away if value is empty. Nothing is done where there is no
// Deployment and no StatefulSet of that name.
func (c *Client) Steer(ctx context.Context, namespace, workload, annotation, value string) error {
	var wanted any = value
	if value == "" {
		wanted = nil
	}
	type object = map[string]any
	body, err := json.Marshal(object{"metadata": object{"annotations": object{annotation: wanted}}})
	if err != nil {
		return fmt.Errorf("steer %s/%s: %w", namespace, workload, err)
	}
	for _, resource := range []string{"deployments", "statefulsets"} {
		err := c.Apps.RESTClient().Patch(types.MergePatchType).Namespace(namespace).Resource(resource).Name(workload).Body(body).Do(ctx).Error()
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("steer %s/%s: %w", namespace, workload, err)
		}
	}
	return nil
}
