// Package ibmcloud says the engine's verbs in IBM's words: it implements the ports Users, Keys, Access, Clusters and
// Successors with IBM's own SDKs, one request at a time, and translates every answer into the domain's terms.
//
// It keeps no state but access tokens and never retries on its own, except once after a 401 with a new token. It must
// not know Temporal, Kubernetes clients or the order in which its verbs are used.
package ibmcloud

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/IBM-Cloud/container-services-go-sdk/kubernetesserviceapiv1"
	"github.com/IBM/go-sdk-core/v5/core"
	"github.com/IBM/platform-services-go-sdk/globalsearchv2"
	"github.com/IBM/platform-services-go-sdk/iamaccessgroupsv2"
	"github.com/IBM/platform-services-go-sdk/iamidentityv1"
	"github.com/IBM/platform-services-go-sdk/iampolicymanagementv1"
	"github.com/IBM/platform-services-go-sdk/resourcemanagerv2"
	"github.com/IBM/platform-services-go-sdk/usermanagementv1"
)

// Config is what the adapter needs to know. Account and APIKey are required.
type Config struct {
	// Account is the account's ID, 32 hex digits. It is sent wherever a service takes it (trap 24).
	Account string
	// APIKey gives the engine's own key. It is called before every request, so that a new key is used at once; it must
	// answer from memory or a file and be safe for concurrent use.
	APIKey func(ctx context.Context) (string, error)
	// FunctionalIDs are the identities that can take over cluster keys.
	FunctionalIDs []FunctionalID
	Endpoints     Endpoints
	// HTTPClient gives the transport and the timeout of one request; nil means a pooled transport and 45 s.
	HTTPClient *http.Client
	// ContainersCalls is how many requests the containers API is sent in 10 s, all identities together; IBM takes 200 from
	// one address. Zero or less means as many as come.
	ContainersCalls int
	// UserAgent is sent instead of the SDKs' own; empty keeps those.
	UserAgent string
	// Observe, if set, is told of every finished exchange, token requests included, with the context of whoever asked. It
	// must be safe for concurrent use.
	Observe func(context.Context, Call)
}

// FunctionalID is an identity that can take over cluster keys, with its own key. See Config.APIKey.
type FunctionalID struct {
	Email  string
	APIKey func(ctx context.Context) (string, error)
}

// Endpoints are base URLs; an empty one means IBM's public default.
type Endpoints struct {
	IAM                string
	UserManagement     string
	ResourceManagement string
	GlobalSearch       string
	Containers         string // with /global
	// Accounts is the account API, which tells the account's owner. Empty while IAM is set means: do not ask.
	Accounts string
}

// Call is one finished exchange with a service, for metrics and logs. It never holds a body, a header or a URL.
type Call struct {
	Service   string // iam-token, iam, user-management, resource-groups, search, containers or accounts
	Operation string // the SDK's name of the operation, such as GetAPIKey
	Identity  string // "engine" or the functional ID's e-mail address
	Method    string
	Status    int // zero when no answer came
	Duration  time.Duration
	RequestID string
}

// Cloud is one account seen through the engine's and the functional IDs' identities. It is safe for concurrent use.
type Cloud struct {
	Users      *Users
	Keys       *Keys
	Access     *Access
	Clusters   *Clusters
	Successors *Successors
}

// requestTimeout ends one exchange. It is shorter than the minute that an activity has for an attempt, so that a service
// that hangs is reported as such and not as an activity that took too long.
const requestTimeout = 45 * time.Second

// New checks the configuration and builds the clients; it sends nothing.
func New(c Config) (*Cloud, error) {
	if problems := c.problems(); len(problems) > 0 {
		return nil, fmt.Errorf("configure the IBM Cloud adapter: %w", errors.Join(problems...))
	}
	if c.HTTPClient == nil {
		c.HTTPClient = &http.Client{Transport: pooled()}
	}
	paces := map[string]*pace{"containers": {full: c.ContainersCalls}}
	engine, err := newClients(c, paces, "engine", c.APIKey)
	if err != nil {
		return nil, fmt.Errorf("build the engine's IBM Cloud clients: %w", err)
	}
	users := &Users{account: c.Account, api: engine}
	keys := &Keys{account: c.Account, api: engine}
	clusters := &Clusters{account: c.Account, api: engine}
	successors := &Successors{users: users, keys: keys, clusters: clusters, byEmail: map[string]*successor{}}
	for _, f := range c.FunctionalIDs {
		own, err := newClients(c, paces, f.Email, f.APIKey)
		if err != nil {
			return nil, fmt.Errorf("build the IBM Cloud clients of %s: %w", f.Email, err)
		}
		successors.add(f, own)
	}
	return &Cloud{
		Users:      users,
		Keys:       keys,
		Access:     &Access{account: c.Account, api: engine},
		Clusters:   clusters,
		Successors: successors,
	}, nil
}

// pooled is the transport all identities share. Go keeps two idle connections for a host; a run asks for many clusters at
// a time.
func pooled() http.RoundTripper {
	t, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport
	}
	t = t.Clone()
	t.MaxIdleConnsPerHost = 100
	return t
}

// Kubeconfig reads an administrator's kubeconfig of a cluster, as YAML. It holds a credential: keep it in memory.
// NotFound if the cluster is gone.
func (c *Cloud) Kubeconfig(ctx context.Context, clusterID string) ([]byte, error) {
	return c.Clusters.kubeconfig(ctx, clusterID)
}

func (c Config) problems() []error {
	var list []error
	if c.Account == "" {
		list = append(list, errors.New("the account ID is missing"))
	}
	if c.APIKey == nil {
		list = append(list, errors.New("the engine's API key is missing"))
	}
	seen := map[string]bool{}
	for i, f := range c.FunctionalIDs {
		email := strings.ToLower(f.Email)
		switch {
		case email == "":
			list = append(list, fmt.Errorf("functional ID %d has no e-mail address", i+1))
		case seen[email]:
			list = append(list, fmt.Errorf("functional ID %s is given twice", f.Email))
		case f.APIKey == nil:
			list = append(list, fmt.Errorf("functional ID %s has no API key", f.Email))
		}
		seen[email] = true
	}
	return list
}

// clients are the services as one identity sees them.
type clients struct {
	identity   *identity
	iam        *iamidentityv1.IamIdentityV1
	users      *usermanagementv1.UserManagementV1
	groups     *iamaccessgroupsv2.IamAccessGroupsV2
	policies   *iampolicymanagementv1.IamPolicyManagementV1
	resources  *resourcemanagerv2.ResourceManagerV2
	search     *globalsearchv2.GlobalSearchV2
	containers *kubernetesserviceapiv1.KubernetesServiceApiV1
	accounts   *core.BaseService // nil: not to be asked
}

// newClients builds the services one by one: their constructors have the same shape and no common type.
func newClients(c Config, paces map[string]*pace, name string, key func(context.Context) (string, error)) (*clients, error) {
	id := newIdentity(c, paces, name, key)
	nobody := &core.NoAuthAuthenticator{} // the transport authenticates, see identity
	e := c.Endpoints
	var s clients
	var problems [8]error
	s.identity = id
	s.iam, problems[0] = iamidentityv1.NewIamIdentityV1(&iamidentityv1.IamIdentityV1Options{URL: e.IAM, Authenticator: nobody})
	s.groups, problems[1] = iamaccessgroupsv2.NewIamAccessGroupsV2(&iamaccessgroupsv2.IamAccessGroupsV2Options{URL: e.IAM, Authenticator: nobody})
	s.policies, problems[2] = iampolicymanagementv1.NewIamPolicyManagementV1(&iampolicymanagementv1.IamPolicyManagementV1Options{URL: e.IAM, Authenticator: nobody})
	s.users, problems[3] = usermanagementv1.NewUserManagementV1(&usermanagementv1.UserManagementV1Options{URL: e.UserManagement, Authenticator: nobody})
	s.resources, problems[4] = resourcemanagerv2.NewResourceManagerV2(&resourcemanagerv2.ResourceManagerV2Options{URL: e.ResourceManagement, Authenticator: nobody})
	s.search, problems[5] = globalsearchv2.NewGlobalSearchV2(&globalsearchv2.GlobalSearchV2Options{URL: e.GlobalSearch, Authenticator: nobody})
	s.containers, problems[6] = kubernetesserviceapiv1.NewKubernetesServiceApiV1(&kubernetesserviceapiv1.KubernetesServiceApiV1Options{URL: e.Containers, Authenticator: nobody})
	if url := e.accounts(); url != "" {
		s.accounts, problems[7] = core.NewBaseService(&core.ServiceOptions{URL: url, Authenticator: nobody})
	}
	if err := errors.Join(problems[:]...); err != nil {
		return nil, err
	}
	s.iam.Service.SetHTTPClient(id.client("iam"))
	s.groups.Service.SetHTTPClient(id.client("iam"))
	s.policies.Service.SetHTTPClient(id.client("iam"))
	s.users.Service.SetHTTPClient(id.client("user-management"))
	s.resources.Service.SetHTTPClient(id.client("resource-groups"))
	s.search.Service.SetHTTPClient(id.client("search"))
	s.containers.Service.SetHTTPClient(id.client("containers"))
	s.containers.SetDefaultHeaders(http.Header{"X-Auth-Resource-Account": {c.Account}})
	if s.accounts != nil {
		s.accounts.SetHTTPClient(id.client("accounts"))
	}
	return &s, nil
}

// accounts is where the owner is asked for. A configuration that sends IAM's requests elsewhere must not send others to
// IBM by accident.
func (e Endpoints) accounts() string {
	if e.Accounts == "" && e.IAM == "" {
		return "https://accounts.cloud.ibm.com"
	}
	return e.Accounts
}
