package app_test

import (
	"context"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/mocks"
	"google.golang.org/grpc"

	"offboard/activities"
	"offboard/internal/app"
	"offboard/internal/ibmcloud"
	"offboard/internal/offboard"
	"offboard/workflows"
)

// world is an account as the ports show it.
type world struct {
	engine      offboard.Identity
	people      []offboard.Person
	keys        []offboard.Key
	clusters    []offboard.Cluster
	indexed     []offboard.ClusterRef
	proved      offboard.Identity
	held        int
	denied      bool // the functional ID's key is refused
	unsearched  bool
	unreachable bool
	owner       string
	rights      map[string][]ibmcloud.Right // by IAM ID
	blind       bool                        // no policy can be read
}

// all is a right to everything, and to every account management service.
func all(roles ...string) []ibmcloud.Right {
	return []ibmcloud.Right{right("serviceType", "service", roles...), right("serviceType", "platform_service", roles...)}
}

func right(key, value string, roles ...string) ibmcloud.Right {
	r := ibmcloud.Right{Resources: map[string]string{"accountId": account, key: value}}
	for _, role := range roles {
		kind := "role"
		if role == "Manager" {
			kind = "serviceRole"
		}
		r.Roles = append(r.Roles, "crn:v1:bluemix:public:iam::::"+kind+":"+role)
	}
	return r
}

// well is an account in which nothing is wrong.
func well() *world {
	return &world{
		engine:   offboard.Identity{IAMID: "IBMid-ENGINE", Email: "engine@acme.example", Account: account},
		people:   []offboard.Person{{IAMID: "IBMid-ENGINE", Email: "engine@acme.example", State: "ACTIVE"}, {IAMID: "IBMid-F", Email: "clusters-1@acme.example", State: "ACTIVE"}},
		keys:     []offboard.Key{{IAMID: "IBMid-ENGINE"}, {IAMID: "IBMid-F"}},
		clusters: []offboard.Cluster{{ID: "c1", Name: "web", Provider: "vpc-gen2"}},
		indexed:  []offboard.ClusterRef{{ID: "c1", Name: "web"}},
		proved:   offboard.Identity{IAMID: "IBMid-F", Email: "Clusters-1@acme.example", Account: account},
		held:     3,
		owner:    "IBMid-OWNER",
		rights: map[string][]ibmcloud.Right{
			"IBMid-ENGINE": all("Administrator", "Manager"),
			"IBMid-F":      {right("serviceName", "containers-kubernetes", "Administrator", "Manager")},
		},
	}
}

// The ports show the world. A method that a check does not need is that of a nil interface and panics.
type (
	users struct {
		activities.Users
		w *world
	}
	keys struct {
		activities.Keys
		w *world
	}
	clusterPort = activities.Clusters // under another name, because one of its methods is called Clusters
	clusters    struct {
		clusterPort
		w *world
	}
	successors struct {
		activities.Successors
		w *world
	}
)

func (w *world) ports() activities.Ports {
	return activities.Ports{Users: users{w: w}, Keys: keys{w: w}, Clusters: clusters{w: w}, Successors: successors{w: w}}
}

func (u users) WhoAmI(context.Context) (offboard.Identity, error) {
	if u.w.unreachable {
		return offboard.Identity{}, offboard.Errorf(offboard.Unavailable, "tell whose key it is", "no answer")
	}
	return u.w.engine, nil
}

func (u users) Account(context.Context) (offboard.Account, error) {
	return offboard.Account{OwnerIAMID: u.w.owner, TokenLife: offboard.Duration(time.Hour)}, nil
}

// Rights implements app.Rights.
func (w *world) Rights(_ context.Context, iamID string) ([]ibmcloud.Right, error) {
	if w.blind {
		return nil, offboard.Errorf(offboard.Denied, "list the access", "403")
	}
	return w.rights[iamID], nil
}

func (u users) People(context.Context) ([]offboard.Person, error) { return u.w.people, nil }

func (k keys) UserKeys(context.Context) ([]offboard.Key, error) { return k.w.keys, nil }

func (k keys) Room(context.Context, []string) (int, map[string]int, error) {
	return 20, map[string]int{"IBMid-F": k.w.held}, nil
}

func (s successors) Emails() []string { return []string{"clusters-1@acme.example"} }

func (s successors) Prove(context.Context, string) (offboard.Identity, error) {
	if s.w.denied {
		return offboard.Identity{}, offboard.Errorf(offboard.Denied, "get a token", "BXNIM0415E")
	}
	return s.w.proved, nil
}

func (c clusters) ResourceGroups(context.Context) ([]offboard.ResourceGroup, error) {
	return []offboard.ResourceGroup{{ID: "g", Name: "default"}}, nil
}

func (c clusters) Clusters(context.Context) ([]offboard.Cluster, error) { return c.w.clusters, nil }

func (c clusters) Indexed(context.Context) ([]offboard.ClusterRef, error) {
	if c.w.unsearched {
		return nil, offboard.Errorf(offboard.Denied, "search", "403")
	}
	return c.w.indexed, nil
}

func TestCheckAccount(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*world)
		fails  map[string]string // check -> part of its detail
	}{
		"well":                    {func(*world) {}, nil},
		"no answer":               {func(w *world) { w.unreachable = true }, map[string]string{"engine's identity": "no answer"}},
		"another account":         {func(w *world) { w.engine.Account = "other" }, map[string]string{"engine's identity": "belongs to account other"}},
		"a service ID":            {func(w *world) { w.engine.IAMID = "iam-ServiceId-1" }, map[string]string{"engine's identity": "cannot invite or remove"}},
		"sees only itself":        {func(w *world) { w.people = w.people[:1] }, map[string]string{"users": "only the engine's own"}},
		"sees only its keys":      {func(w *world) { w.keys = w.keys[:1] }, map[string]string{"API keys of users": "1 keys of 1 users"}},
		"refused key":             {func(w *world) { w.denied = true }, map[string]string{"functional ID clusters-1@acme.example": "BXNIM0415E"}},
		"refused before it is in": {func(w *world) { w.denied = true; w.people[1].Email = "other@acme.example" }, nil},
		"somebody else's key":     {func(w *world) { w.proved.Email = "other@acme.example" }, map[string]string{"functional ID clusters-1@acme.example": "belongs to other@acme.example"}},
		"a key of elsewhere":      {func(w *world) { w.proved.Account = "other" }, map[string]string{"functional ID clusters-1@acme.example": "made in account other"}},
		"no room":                 {func(w *world) { w.held = 20 }, map[string]string{"functional ID clusters-1@acme.example": "holds 20 of 20"}},
		"hidden clusters":         {func(w *world) { w.clusters = nil }, map[string]string{"clusters": "global search knows more: web"}},
		"the owner":               {func(w *world) { w.owner = w.engine.IAMID }, map[string]string{"account": "owns the account"}},
		"a functional ID":         {func(w *world) { w.engine.Email = "Clusters-1@acme.example" }, map[string]string{"engine's identity": "is a functional ID too"}},
		"unreadable policies":     {func(w *world) { w.blind = true }, map[string]string{"engine's roles": "403", "functional ID clusters-1@acme.example": "403"}},
		"a role is missing": {
			func(w *world) { w.rights["IBMid-ENGINE"][1] = right("serviceName", "iam-identity", "Administrator") },
			map[string]string{"engine's roles": "Administrator on user-management, to invite"},
		},
		"limited to a resource group": {
			func(w *world) { w.rights["IBMid-ENGINE"][0].Resources["resourceGroupId"] = "g" },
			map[string]string{"engine's roles": "Manager on containers-kubernetes"},
		},
		"nothing to give": {
			func(w *world) {
				w.rights["IBMid-ENGINE"] = []ibmcloud.Right{
					right("serviceName", "user-management", "Administrator"), right("serviceName", "iam-identity", "Administrator"),
					right("serviceName", "iam-groups", "Editor"), right("serviceName", "iam-access-management", "Viewer"),
					right("serviceName", "containers-kubernetes", "Administrator", "Manager"), right("resourceType", "resource-group", "Administrator"),
				}
			},
			map[string]string{"engine's roles": "Administrator on container-registry, to give functional IDs the same; Administrator on is"},
		},
		"a custom role may do": {func(w *world) {
			w.rights["IBMid-ENGINE"] = []ibmcloud.Right{{Roles: []string{"crn:v1:bluemix:public:iam-identity::a/acc::customRole:Keys"}, Resources: map[string]string{"serviceName": "iam-identity"}}}
		}, nil},
		"a mighty functional ID": {
			func(w *world) { w.rights["IBMid-F"] = all("Editor") },
			map[string]string{"functional ID clusters-1@acme.example": "it may change user-management, iam-identity"},
		},
		"search is denied": {func(w *world) { w.unsearched = true }, map[string]string{"global search": "403"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := well()
			c.change(w)
			list := app.CheckAccount(t.Context(), account, w.ports(), w)
			failed := map[string]string{}
			for _, check := range list {
				assert.NotEmpty(t, check.Detail, check.Name)
				if !check.OK {
					failed[check.Name] = check.Detail
					assert.NotEmpty(t, check.Remedy, check.Name)
				} else {
					assert.Empty(t, check.Remedy, check.Name)
				}
			}
			assert.Len(t, failed, len(c.fails))
			for check, want := range c.fails {
				assert.Contains(t, failed[check], want)
			}
		})
	}
}

// namespaces is the part of the server that knows namespaces.
type namespaces struct {
	workflowservice.WorkflowServiceClient
	err error
}

func (n namespaces) DescribeNamespace(context.Context, *workflowservice.DescribeNamespaceRequest, ...grpc.CallOption) (*workflowservice.DescribeNamespaceResponse, error) {
	return &workflowservice.DescribeNamespaceResponse{}, n.err
}

func TestCheckNamespace(t *testing.T) {
	polled := &workflowservice.DescribeTaskQueueResponse{Pollers: []*taskqueuepb.PollerInfo{{Identity: "w1"}}}
	c := mocks.NewClient(t)
	c.On("WorkflowService").Return(namespaces{})
	c.On("OperatorService").Return(&operator{have: workflows.SearchAttributes()})
	c.On("DescribeTaskQueue", mock.Anything, workflows.TaskQueue, mock.Anything).Return(polled, nil)
	for _, check := range app.CheckNamespace(t.Context(), c, "default") {
		assert.True(t, check.OK, check.Name)
	}

	c = mocks.NewClient(t)
	c.On("WorkflowService").Return(namespaces{})
	c.On("OperatorService").Return(&operator{have: map[string]enumspb.IndexedValueType{}})
	c.On("DescribeTaskQueue", mock.Anything, workflows.TaskQueue, mock.Anything).Return(&workflowservice.DescribeTaskQueueResponse{}, nil)
	list := app.CheckNamespace(t.Context(), c, "default")
	require.Len(t, list, 3)
	assert.True(t, list[0].OK)
	assert.Contains(t, list[1].Detail, "missing: OffboardAccount")
	assert.Contains(t, list[2].Detail, "nobody polls")

	c = mocks.NewClient(t)
	c.On("WorkflowService").Return(namespaces{err: serviceerror.NewNamespaceNotFound("x")})
	list = app.CheckNamespace(t.Context(), c, "x")
	require.Len(t, list, 1)
	assert.Contains(t, list[0].Detail, "no namespace x")
}

func TestSetUpNamesTheCommandForAMissingNamespace(t *testing.T) {
	c := mocks.NewClient(t)
	c.On("OperatorService").Return(&operator{error: serviceerror.NewNamespaceNotFound("offboarding")})
	_, err := app.Register(t.Context(), c, "offboarding")
	require.ErrorContains(t, err, "there is no namespace offboarding: create it: temporal operator namespace create --retention 30d -n offboarding")
}

// An attribute of another type cannot be registered: the remedy is to remove it.
func TestCheckNamesAnAttributeOfAnotherType(t *testing.T) {
	have := maps.Clone(workflows.SearchAttributes())
	have["OffboardStatus"] = enumspb.INDEXED_VALUE_TYPE_TEXT
	c := mocks.NewClient(t)
	c.On("WorkflowService").Return(namespaces{})
	c.On("OperatorService").Return(&operator{have: have})
	c.On("DescribeTaskQueue", mock.Anything, workflows.TaskQueue, mock.Anything).Return(&workflowservice.DescribeTaskQueueResponse{}, nil)
	list := app.CheckNamespace(t.Context(), c, "default")
	require.Len(t, list, 3)
	assert.Contains(t, list[1].Detail, "OffboardStatus")
	assert.Contains(t, list[1].Remedy, "search-attribute remove -n default --name OffboardStatus")
}
