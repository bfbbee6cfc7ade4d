package controlplane

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apiserver/pkg/util/compatibility"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	versions "k8s.io/component-base/compatibility"
	aggregator "k8s.io/kube-aggregator/pkg/apiserver"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"
)

// apiServer is a running kube-apiserver.
type apiServer struct {
	loopback *rest.Config // its own client, which may do everything
	ended    chan error   // why it ended; closed after that
}

// startAPIServer runs kube-apiserver with flags, as its own main function would, until the context ends. The listener
// belongs to the server from then on. name must be nobody else's in this process.
func startAPIServer(ctx context.Context, name string, listener net.Listener, flags []string) (*apiServer, error) {
	o, err := serverOptions(name, listener, flags)
	if err != nil {
		return nil, err
	}
	completed, err := o.Complete(ctx)
	if err != nil {
		return nil, fmt.Errorf("complete the API server's options: %w", err)
	}
	if problems := completed.Validate(); len(problems) > 0 {
		return nil, fmt.Errorf("check the API server's options: %w", errors.Join(problems...))
	}
	chain, err := serverChain(completed)
	if err != nil {
		return nil, err
	}
	prepared, err := chain.PrepareRun()
	if err != nil {
		return nil, fmt.Errorf("prepare the API server: %w", err)
	}
	s := &apiServer{loopback: chain.GenericAPIServer.LoopbackClientConfig, ended: make(chan error, 1)}
	go func() {
		defer close(s.ended)
		s.ended <- prepared.Run(ctx)
	}()
	return s, nil
}

func serverOptions(name string, listener net.Listener, flags []string) (*options.ServerRunOptions, error) {
	// What is global in a process of its own would be shared by all servers of this one.
	features := utilfeature.DefaultMutableFeatureGate.DeepCopy()
	registry := versions.NewComponentGlobalsRegistry()
	if err := registry.Register(versions.DefaultKubeComponent, compatibility.DefaultBuildEffectiveVersion(), features); err != nil {
		return nil, fmt.Errorf("register the API server: %w", err)
	}
	informers, err := cache.NewInformerName(name)
	if err != nil {
		return nil, fmt.Errorf("name the API server: %w", err)
	}
	o := options.NewServerRunOptions()
	o.GenericServerRunOptions.ComponentGlobalsRegistry = registry
	o.InformerName = informers
	o.SecureServing.Listener = listener
	o.SecureServing.BindPort = listener.Addr().(*net.TCPAddr).Port
	set := pflag.NewFlagSet(name, pflag.ContinueOnError)
	for _, section := range o.Flags().FlagSets {
		set.AddFlagSet(section)
	}
	if err := set.Parse(flags); err != nil {
		return nil, fmt.Errorf("read the API server's flags: %w", err)
	}
	if err := registry.Set(); err != nil {
		return nil, fmt.Errorf("set the API server's features: %w", err)
	}
	return o, nil
}

func serverChain(o options.CompletedOptions) (*aggregator.APIAggregator, error) {
	config, err := app.NewConfig(o)
	if err != nil {
		return nil, fmt.Errorf("configure the API server: %w", err)
	}
	complete, err := config.Complete()
	if err != nil {
		return nil, fmt.Errorf("configure the API server: %w", err)
	}
	chain, err := app.CreateServerChain(complete)
	if err != nil {
		return nil, fmt.Errorf("build the API server: %w", err)
	}
	// The server's watches of itself are open until then, by default for a minute.
	chain.GenericAPIServer.ShutdownTimeout = 100 * time.Millisecond
	return chain, nil
}

// notAwaited is a start-up check that takes a second although nothing here depends on it: the priority classes
// hook sleeps before its first try.
const notAwaited = "poststarthook/scheduling/bootstrap-system-priority-classes"

// ready waits until the server says that it is.
func (s *apiServer) ready(ctx context.Context) error {
	client, err := rest.HTTPClientFor(s.loopback)
	if err != nil {
		return fmt.Errorf("connect to the API server: %w", err)
	}
	url := s.loopback.Host + "/readyz?exclude=" + notAwaited
	err = wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, 2*time.Minute, true, func(ctx context.Context) (bool, error) {
		select {
		case err := <-s.ended:
			return false, fmt.Errorf("it has ended: %w", err)
		default:
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return false, err
		}
		resp, err := client.Do(r)
		if err != nil {
			return false, nil //nolint:nilerr // it does not listen yet
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK, nil
	})
	if err != nil {
		return fmt.Errorf("wait for the API server: %w", err)
	}
	return nil
}

// flagsOf are the flags of a server that keeps what it holds below /name of the database.
func flagsOf(name string, database *Etcd, c *credentials) []string {
	return slices.Concat([]string{
		"--etcd-servers=" + database.url,
		"--etcd-prefix=/" + name,
		"--bind-address=127.0.0.1",
		"--service-cluster-ip-range=10.0.0.0/24",
		"--endpoint-reconciler-type=none", // the address of a service may not be a loopback one
		"--authorization-mode=RBAC",
	}, c.flags())
}
