package ibmsim

import (
	"context"
	"fmt"
	"net/http"
	"strings"
)

// service is one group of APIs that IBM serves under one host: its first path segment on a Cloud, what a client's base
// URL has after the host, and the environment variables that IBM's tools read it from.
type service struct {
	name, base string
	variables  []string
}

var services = []service{
	{"iam", "", []string{"IBMCLOUD_IAM_API_ENDPOINT", "IBMCLOUD_IAMPAP_API_ENDPOINT"}},
	{"user-management", "", []string{"IBMCLOUD_USER_MANAGEMENT_ENDPOINT"}},
	{"resource-controller", "", []string{"IBMCLOUD_RESOURCE_MANAGEMENT_API_ENDPOINT", "IBMCLOUD_RESOURCE_CONTROLLER_API_ENDPOINT"}},
	{"search", "", []string{"IBMCLOUD_GS_API_ENDPOINT"}},
	{"containers", "/global", []string{"IBMCLOUD_CS_API_ENDPOINT"}},
	{"accounts", "", []string{"IBMCLOUD_ACCOUNT_MANAGEMENT_API_ENDPOINT"}},
}

// ServiceNames are the names Service knows.
func ServiceNames() []string {
	var names []string
	for _, s := range services {
		names = append(names, s.name)
	}
	return names
}

// Endpoints are the environment variables that point IBM's SDKs and tools at a Cloud reachable at base, such as
// http://127.0.0.1:8080.
func (c *Cloud) Endpoints(base string) map[string]string {
	bases := map[string]string{}
	for _, s := range services {
		bases[s.name] = base + "/" + s.name
	}
	return c.ServiceEndpoints(bases)
}

// ServiceEndpoints are the same variables where each service has a base URL of its own.
func (c *Cloud) ServiceEndpoints(bases map[string]string) map[string]string {
	env := map[string]string{}
	for _, s := range services {
		for _, v := range s.variables {
			env[v] = bases[s.name] + s.base
		}
	}
	return env
}

type mountKey struct{}

// Service serves one group of APIs alone, without its path segment, as IBM does on a host of its own. Clusters' API
// servers (/kube) and the simulator's control calls (/sim) answer there, too.
func (c *Cloud) Service(name string) (http.Handler, error) {
	for _, s := range services {
		if s.name == name {
			return c.mounted("/" + name), nil
		}
	}
	return nil, fmt.Errorf("the simulated IBM Cloud has no service %q; it has %s", name, strings.Join(ServiceNames(), ", "))
}

func (c *Cloud) mounted(prefix string) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/kube/") || strings.HasPrefix(r.URL.Path, "/sim/") {
			c.ServeHTTP(rw, r)
			return
		}
		inner := r.Clone(context.WithValue(r.Context(), mountKey{}, prefix))
		inner.URL.Path = prefix + r.URL.Path
		if r.URL.RawPath != "" {
			inner.URL.RawPath = prefix + r.URL.RawPath
		}
		c.ServeHTTP(rw, inner)
	})
}

// url is the address of this request as its caller knows it, without the query.
func (k *call) url() string {
	prefix, _ := k.r.Context().Value(mountKey{}).(string)
	return k.base() + strings.TrimPrefix(k.r.URL.Path, prefix)
}
