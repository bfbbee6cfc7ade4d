package kubernetes

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	appsv1 "k8s.io/client-go/kubernetes/typed/apps/v1"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	rbacv1 "k8s.io/client-go/kubernetes/typed/rbac/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"offboard/internal/offboard"
)

// client speaks to one cluster. It holds the three API groups the engine needs rather than a whole clientset, since
// there may be a thousand of it.
type client struct {
	cluster string
	core    corev1.CoreV1Interface
	apps    appsv1.AppsV1Interface
	rbac    rbacv1.RbacV1Interface
	http    *http.Client
	expires time.Time
	refused atomic.Bool // the API answered 401: these credentials are of no more use
}

// connect makes a client from a kubeconfig without sending anything. A kubeconfig that wants a program run or a file
// read is refused: it comes over the network, and what it holds must stay in memory.
func connect(clusterID string, kubeconfig []byte, c Config) (*client, error) {
	op := "read the kubeconfig of cluster " + clusterID
	document, err := clientcmd.Load(kubeconfig)
	if err != nil {
		// The parser's own words may quote the document, which is a secret.
		return nil, offboard.Errorf(offboard.Unavailable, op, "it is not a kubeconfig")
	}
	if reachesOut(document) { // before anything is made of it, which would already read the files
		return nil, offboard.Errorf(offboard.Unsupported, op, "it wants a program run or files read")
	}
	config, err := clientcmd.NewDefaultClientConfig(*document, nil).ClientConfig()
	if err != nil {
		return nil, offboard.Errorf(offboard.Unavailable, op, "it has no usable current context")
	}
	config.UserAgent = c.UserAgent
	config.ContentType = runtime.ContentTypeJSON
	config.AcceptContentTypes = runtime.ContentTypeJSON
	config.WarningHandlerWithContext = rest.NoWarnings{}
	// client-go's 5 requests a second would be the slowest part of an inspection.
	config.QPS, config.Burst = 50, 100

	k := &client{cluster: clusterID, expires: time.Now().Add(c.Cache)}
	if err := k.open(config, c); err != nil {
		return nil, offboard.Errorf(offboard.Unavailable, op, "its credentials or its server cannot be used")
	}
	return k, nil
}

// reachesOut tells whether a kubeconfig refers to anything outside itself.
func reachesOut(document *api.Config) bool {
	for _, c := range document.Clusters {
		if c.CertificateAuthority != "" {
			return true
		}
	}
	for _, u := range document.AuthInfos {
		if u.Exec != nil || u.AuthProvider != nil || u.TokenFile != "" || u.ClientCertificate != "" || u.ClientKey != "" {
			return true
		}
	}
	return false
}

func (k *client) open(config *rest.Config, c Config) error {
	tls, err := rest.TLSConfigFor(config)
	if err != nil {
		return err
	}
	// A transport of our own: client-go's are shared through a cache for the life of the process, credentials included.
	inner := utilnet.SetTransportDefaults(&http.Transport{
		Proxy:               config.Proxy,
		DialContext:         (&net.Dialer{Timeout: min(c.Timeout, 10*time.Second), KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:     tls,
		TLSHandshakeTimeout: min(c.Timeout, 10*time.Second),
		MaxIdleConnsPerHost: mostConnections,
		MaxConnsPerHost:     mostConnections,
		IdleConnTimeout:     idle,
	})
	outer, err := rest.HTTPWrappersForConfig(config, &observed{inner: &transport{inner: &opener{inner: inner}, refused: &k.refused}, cluster: k.cluster, observe: c.Observe})
	if err != nil {
		return err
	}
	k.http = &http.Client{Transport: outer, Timeout: c.Timeout}
	if k.core, err = corev1.NewForConfigAndClient(config, k.http); err != nil {
		return err
	}
	if k.apps, err = appsv1.NewForConfigAndClient(config, k.http); err != nil {
		return err
	}
	k.rbac, err = rbacv1.NewForConfigAndClient(config, k.http)
	return err
}

// mostConnections to one cluster. One carries everything over HTTP/2; the second is for a proxy in between that speaks HTTP/1.1.
const mostConnections = 2

// fail is translate with the name of the cluster. what is a verb and its object: "list the pods of kube-system".
func (k *client) fail(ctx context.Context, what string, err error) error {
	return translate(ctx, what+" in cluster "+k.cluster, err)
}

// change is fail for a request that changes something: when no proper answer came, it may have been carried out.
func (k *client) change(ctx context.Context, what string, err error) error {
	failed := k.fail(ctx, what, err)
	if e, ok := errors.AsType[*offboard.Error](failed); ok {
		e.Ambiguous = e.Code == offboard.Unreachable || e.Code == offboard.Unavailable
	}
	return failed
}

// pageSize keeps the answers of large clusters small; a page of 500 is what kubectl asks for.
const pageSize = 500

// eachPage lists everything there is, a page at a time, so that a cluster with thousands of pods is never in memory as
// a whole.
func eachPage[L metav1.ListInterface](ctx context.Context, options metav1.ListOptions, list func(context.Context, metav1.ListOptions) (L, error), visit func(L)) error {
	options.Limit = pageSize
	for {
		page, err := list(ctx, options)
		if err != nil {
			return err
		}
		visit(page)
		if page.GetContinue() == "" {
			return nil
		}
		options.Continue = page.GetContinue()
	}
}
