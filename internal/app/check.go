package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"offboard/activities"
	"offboard/internal/offboard"
	"offboard/workflows"
)

// Check is one thing that must be true before an offboarding can work.
type Check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`           // what was found
	Remedy string `json:"remedy,omitempty"` // what to do, where it is not as it should be
}

// Checks runs all checks from where the program runs. It changes nothing. A check that depends on a failed one is left
// out.
func Checks(ctx context.Context, env func(string) string, logger *zap.Logger) []Check {
	list := CheckTemporal(ctx, env, logger)
	config, err := LoadConfig("", env)
	if err != nil {
		return append(list, Check{Name: "configuration", Detail: err.Error(), Remedy: "correct every line above; docs/runbook.md shows a complete file"})
	}
	list = append(list, Check{Name: "configuration", OK: true, Detail: config.File})
	secrets := CheckSecrets(ctx, config)
	list = append(list, secrets...)
	if !secrets[0].OK {
		return list // without the engine's key nothing else can be asked
	}
	cloud, err := NewCloud(config, logger)
	if err != nil {
		return append(list, Check{Name: "IBM Cloud client", Detail: err.Error(), Remedy: "correct the configuration"})
	}
	return append(list, CheckAccount(ctx, config.Account, activities.Ports{
		Users: cloud.Users, Keys: cloud.Keys, Access: cloud.Access, Clusters: cloud.Clusters, Successors: cloud.Successors,
	})...)
}

// each check asks a few requests at most; a service that needs longer than this is as good as down.
const checkTime = 30 * time.Second

// CheckTemporal checks the server, the namespace, the search attributes and the workers.
func CheckTemporal(ctx context.Context, env func(string) string, logger *zap.Logger) []Check {
	c, err := Dial(ctx, env, logger)
	if err != nil {
		return []Check{{Name: "Temporal", Detail: err.Error(), Remedy: "set TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and the credentials, or start a server"}}
	}
	defer c.Close()
	list := []Check{{Name: "Temporal", OK: true, Detail: c.Address}}
	return append(list, CheckNamespace(ctx, c, c.Namespace)...)
}

// CheckNamespace checks a namespace through a client that is connected.
func CheckNamespace(ctx context.Context, c client.Client, namespace string) []Check {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	_, err := c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: namespace})
	if _, missing := errors.AsType[*serviceerror.NamespaceNotFound](err); missing {
		return []Check{{Name: "namespace", Detail: "there is no namespace " + namespace, Remedy: "create it: temporal operator namespace create " + namespace}}
	}
	if err != nil {
		return []Check{{Name: "namespace", Detail: err.Error(), Remedy: "check the address and the credentials"}}
	}
	return []Check{
		{Name: "namespace", OK: true, Detail: namespace},
		checkAttributes(ctx, c, namespace),
		checkWorkers(ctx, c),
	}
}

func checkAttributes(ctx context.Context, c client.Client, namespace string) Check {
	check := Check{Name: "search attributes", Remedy: "run: starter setup"}
	present, missing, err := searchAttributes(ctx, c, namespace)
	switch {
	case notAllowed(err):
		check.OK, check.Remedy = true, ""
		check.Detail = "cannot be listed here; see starter setup for how to register them"
	case err != nil:
		check.Detail = err.Error()
	case len(missing) > 0:
		check.Detail = "missing: " + strings.Join(slices.Sorted(maps.Keys(missing)), ", ")
	default:
		check.OK, check.Remedy, check.Detail = true, "", strings.Join(present, ", ")
	}
	return check
}

func checkWorkers(ctx context.Context, c client.Client) Check {
	check := Check{Name: "worker", Remedy: "start one: worker"}
	var polls []string
	for _, kind := range []enumspb.TaskQueueType{enumspb.TASK_QUEUE_TYPE_WORKFLOW, enumspb.TASK_QUEUE_TYPE_ACTIVITY} {
		d, err := c.DescribeTaskQueue(ctx, workflows.TaskQueue, kind)
		if err != nil {
			check.Detail = err.Error()
			return check
		}
		if len(d.GetPollers()) == 0 {
			check.Detail = fmt.Sprintf("nobody polls the task queue %q", workflows.TaskQueue)
			return check
		}
		for _, p := range d.GetPollers() {
			if !slices.Contains(polls, p.GetIdentity()) {
				polls = append(polls, p.GetIdentity())
			}
		}
	}
	slices.Sort(polls)
	return Check{Name: "worker", OK: true, Detail: strings.Join(polls, ", ")}
}

// CheckSecrets reads every secret once, the engine's own first.
func CheckSecrets(ctx context.Context, config Config) []Check {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	check := func(name string, s Secret) Check {
		if _, err := s.Read(ctx); err != nil {
			return Check{Name: name, Detail: err.Error(), Remedy: "make the reference point to a secret this program may read"}
		}
		return Check{Name: name, OK: true, Detail: s.String()}
	}
	list := []Check{check("engine's API key", config.Key)}
	for _, f := range config.FunctionalIDs {
		list = append(list, check("API key of "+f.Email, f.Key))
	}
	return list
}

// CheckAccount checks what the engine's identity and the functional IDs can see and do in the account.
func CheckAccount(ctx context.Context, account string, ports activities.Ports) []Check {
	engine, ok := checkEngine(ctx, account, ports.Users)
	list := []Check{engine}
	if !ok {
		return list
	}
	people, check := checkPeople(ctx, ports.Users)
	list = append(list, check, checkKeys(ctx, ports))
	for _, email := range ports.Successors.Emails() {
		list = append(list, checkFunctionalID(ctx, email, people, account, ports))
	}
	return append(list, checkClusters(ctx, ports.Clusters)...)
}

func checkEngine(ctx context.Context, account string, users activities.Users) (Check, bool) {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	check := Check{Name: "engine's identity"}
	who, err := users.WhoAmI(ctx)
	switch {
	case err != nil:
		check.Detail, check.Remedy = err.Error(), "give the engine a valid API key (IC_API_KEY)"
	case who.Account != account:
		check.Detail = fmt.Sprintf("the key belongs to account %s, the engine works on %s", who.Account, account)
		check.Remedy = "use a key of that account, or correct IBMCLOUD_ACCOUNT_ID"
	case strings.HasPrefix(who.IAMID, "iam-ServiceId-"), strings.HasPrefix(who.IAMID, "iam-Profile-"):
		// Such a token may not invite or remove users (trap 22).
		check.Detail = who.IAMID + " is not a user: it cannot invite or remove users"
		check.Remedy = "give the engine the API key of a user made for it"
	default:
		check.OK, check.Detail = true, fmt.Sprintf("%s (%s)", who.Email, who.IAMID)
	}
	return check, err == nil
}

func checkPeople(ctx context.Context, users activities.Users) ([]offboard.Person, Check) {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	check := Check{Name: "users", Remedy: "give the engine's identity the Administrator role on User Management, and check the account's user list visibility"}
	people, err := users.People(ctx)
	switch {
	case err != nil:
		check.Detail = err.Error()
	case len(people) <= 1:
		check.Detail = "only the engine's own identity is visible (trap 16)"
	default:
		check.OK, check.Remedy, check.Detail = true, "", fmt.Sprintf("%d users visible", len(people))
	}
	return people, check
}

func checkKeys(ctx context.Context, ports activities.Ports) Check {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	check := Check{Name: "API keys of users", Remedy: "give the engine's identity the Administrator role on IAM Identity"}
	keys, err := ports.Keys.UserKeys(ctx)
	if err != nil {
		check.Detail = err.Error()
		return check
	}
	owners := map[string]bool{}
	for _, k := range keys {
		owners[k.IAMID] = true
	}
	check.Detail = fmt.Sprintf("%d keys of %d users visible", len(keys), len(owners))
	if len(owners) > 1 {
		check.OK, check.Remedy = true, ""
	}
	return check
}

func checkFunctionalID(ctx context.Context, email string, people []offboard.Person, account string, ports activities.Ports) Check {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	check := Check{Name: "functional ID " + email}
	state := "not in the account yet: it is invited when it is needed"
	member := false
	for _, p := range people {
		if strings.EqualFold(p.Email, email) {
			state, member = p.State, p.Active()
		}
	}
	who, err := ports.Successors.Prove(ctx, email)
	switch {
	case err != nil && !member && offboard.CodeOf(err) == offboard.Denied:
		check.OK, check.Detail = true, state+"; whether its API key works can be told only then"
		return check
	case err != nil:
		check.Detail, check.Remedy = err.Error(), "put a valid API key of "+email+" where the configuration says"
		return check
	case who.Email != "" && !strings.EqualFold(who.Email, email):
		check.Detail, check.Remedy = "its API key belongs to "+who.Email, "put the API key of "+email+" where the configuration says"
		return check
	case who.Account != account:
		check.Detail, check.Remedy = "its API key was made in account "+who.Account, "make an API key of "+email+" in account "+account
		return check
	}
	return checkRoom(ctx, check, state, who.IAMID, ports.Keys)
}

// checkRoom completes the check of a functional ID by how many more keys it may hold.
func checkRoom(ctx context.Context, check Check, state, iamID string, keys activities.Keys) Check {
	limit, held, err := keys.Room(ctx, []string{iamID})
	if err != nil {
		check.Detail, check.Remedy = err.Error(), "give the engine's identity the Administrator role on IAM Identity"
		return check
	}
	check.Detail = fmt.Sprintf("%s, holds %d of %d API keys", state, held[iamID], limit)
	if held[iamID] >= limit {
		check.Remedy = "delete keys of it that nothing uses, have IBM raise the limit, or configure one more functional ID"
		return check
	}
	check.OK = true
	return check
}

func checkClusters(ctx context.Context, clusters activities.Clusters) []Check {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	const role = "give the engine's identity the Administrator role on the Kubernetes service and Viewer on all resource groups"
	groups := Check{Name: "resource groups", Remedy: role}
	if list, err := clusters.ResourceGroups(ctx); err != nil {
		groups.Detail = err.Error()
	} else if groups.Detail = fmt.Sprintf("%d visible", len(list)); len(list) > 0 {
		groups.OK, groups.Remedy = true, ""
	}
	seen := Check{Name: "clusters", Remedy: role}
	list, err := clusters.Clusters(ctx)
	if err != nil {
		seen.Detail = err.Error()
		return []Check{groups, seen}
	}
	known := map[string]bool{}
	for _, c := range list {
		known[c.ID] = true
	}
	seen.OK, seen.Remedy, seen.Detail = true, "", fmt.Sprintf("%d visible", len(list))
	search := Check{Name: "global search"}
	indexed, err := clusters.Indexed(ctx)
	if err != nil {
		search.Detail, search.Remedy = err.Error(), "give the engine's identity a role that lets it search the account's resources"
		return []Check{groups, seen, search}
	}
	var hidden []string
	for _, c := range indexed {
		if !known[c.ID] {
			hidden = append(hidden, c.Name)
		}
	}
	if len(hidden) > 0 {
		seen.OK, seen.Remedy = false, role+"; the index lags by minutes, so look again later too"
		seen.Detail += "; global search knows more: " + strings.Join(hidden, ", ")
	}
	search.OK, search.Detail = true, fmt.Sprintf("%d clusters indexed", len(indexed))
	return []Check{groups, seen, search}
}
