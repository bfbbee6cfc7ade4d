package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"offboard/workflows"
)

// CheckTemporal checks the server, the namespace, the search attributes, the workers, and with a versioned worker which
// version new runs go to.
func CheckTemporal(ctx context.Context, env func(string) string, d Deployment, logger *zap.Logger) []Check {
	c, err := Dial(ctx, env, logger)
	if _, wrong := errors.AsType[*InvalidConfig](err); wrong {
		return []Check{{Name: "Temporal", Detail: err.Error(), Remedy: "correct the keys under encryption, or " + encryptionVariable + "; docs/encryption.md describes them"}}
	}
	if err != nil {
		return []Check{{Name: "Temporal", Detail: err.Error(), Remedy: "set TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and the credentials, or start a server"}}
	}
	defer c.Close()
	list := append([]Check{{Name: "Temporal", OK: true, Detail: c.Address}}, CheckNamespace(ctx, c, c.Namespace)...)
	if d.Versioned() {
		list = append(list, CheckVersion(ctx, c, d))
	}
	return list
}

// CheckNamespace checks a namespace through a client that is connected.
func CheckNamespace(ctx context.Context, c client.Client, namespace string) []Check {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	_, err := c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: namespace})
	if _, missing := errors.AsType[*serviceerror.NamespaceNotFound](err); missing {
		return []Check{noNamespace(namespace)}
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

func noNamespace(namespace string) Check {
	return Check{
		Name: "namespace", Detail: "there is no namespace " + namespace,
		Remedy: "create it: temporal operator namespace create --retention 30d -n " + namespace + ", then run: starter setup",
	}
}

func checkAttributes(ctx context.Context, c client.Client, namespace string) Check {
	check := Check{Name: "search attributes", Remedy: "run: starter setup"}
	present, missing, err := searchAttributes(ctx, c, namespace)
	wrong, otherType := errors.AsType[*wrongType](err)
	switch {
	case notAllowed(err):
		check.OK, check.Remedy = true, ""
		check.Detail = "cannot be listed here; see starter setup for how to register them"
	case otherType:
		check.Detail = err.Error()
		check.Remedy = fmt.Sprintf("remove it (temporal operator search-attribute remove -n %s --name %s), then run: starter setup", namespace, wrong.name)
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

// CheckVersion checks that new runs go to some version of the worker's deployment: until one is current, a versioned
// worker polls and gets nothing.
func CheckVersion(ctx context.Context, c client.Client, d Deployment) Check {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	check := Check{
		Name:   "worker version",
		Remedy: fmt.Sprintf("start the worker, then run: temporal worker deployment set-current-version --deployment-name %s --build-id %s", d.Name, d.BuildID),
	}
	found, err := c.WorkerDeploymentClient().GetHandle(d.Name).Describe(ctx, client.WorkerDeploymentDescribeOptions{})
	if err != nil {
		check.Detail = fmt.Sprintf("look at the worker deployment %s: %v", d.Name, err)
		return check
	}
	current := found.Info.RoutingConfig.CurrentVersion
	if current == nil {
		check.Detail = fmt.Sprintf("no version of %s is current: nothing is given to its workers", d.Name)
		return check
	}
	check.OK, check.Remedy, check.Detail = true, "", current.BuildID
	if current.BuildID != d.BuildID {
		check.Detail += ", not " + d.BuildID + " as configured here: this build waits for its turn"
	}
	return check
}
