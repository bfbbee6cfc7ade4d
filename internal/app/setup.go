package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"offboard/workflows"
)

// SetUp is what the registration of search attributes found and did.
type SetUp struct {
	Present []string `json:"present,omitempty"`
	Added   []string `json:"added,omitempty"`
	// ByHand are commands to run elsewhere, where the server does not let clients register search attributes.
	ByHand []string `json:"byHand,omitempty"`
}

// Register registers the search attributes that are missing in the namespace. Doing it again changes nothing. One that
// exists with another type is an error: runs could not set it.
func Register(ctx context.Context, c client.Client, namespace string) (SetUp, error) {
	present, missing, err := searchAttributes(ctx, c, namespace)
	if notAllowed(err) {
		return SetUp{ByHand: cloudCommands(namespace)}, nil
	}
	if err != nil {
		return SetUp{}, err
	}
	result := SetUp{Present: present}
	if len(missing) == 0 {
		return result, nil
	}
	_, err = c.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
		Namespace: namespace, SearchAttributes: missing,
	})
	if notAllowed(err) {
		result.ByHand = cloudCommands(namespace)
		return result, nil
	}
	if err != nil {
		return result, fmt.Errorf("register search attributes in namespace %s: %w", namespace, err)
	}
	result.Added = slices.Sorted(maps.Keys(missing))
	return result, nil
}

// searchAttributes sorts the engine's search attributes into those there are and those there are not.
func searchAttributes(ctx context.Context, c client.Client, namespace string) (present []string, missing map[string]enumspb.IndexedValueType, err error) {
	have, err := c.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if _, absent := errors.AsType[*serviceerror.NamespaceNotFound](err); absent {
		check := noNamespace(namespace)
		return nil, nil, fmt.Errorf("%s: %s", check.Detail, check.Remedy)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("list the search attributes of namespace %s: %w", namespace, err)
	}
	missing = map[string]enumspb.IndexedValueType{}
	wanted := workflows.SearchAttributes()
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		is, there := have.GetCustomAttributes()[name]
		switch {
		case !there:
			missing[name] = wanted[name]
		case is != wanted[name]:
			return nil, nil, &wrongType{name: name, namespace: namespace, is: is, want: wanted[name]}
		default:
			present = append(present, name)
		}
	}
	return present, missing, nil
}

// wrongType is a search attribute that somebody registered with another type. No client can change it.
type wrongType struct {
	name, namespace string
	is, want        enumspb.IndexedValueType
}

// Error implements error.
func (e *wrongType) Error() string {
	return fmt.Sprintf("search attribute %s of namespace %s is a %s, but must be a %s: remove it first", e.name, e.namespace, e.is, e.want)
}

// notAllowed tells whether the server keeps this to its own tools, as Temporal Cloud does.
func notAllowed(err error) bool {
	_, denied := errors.AsType[*serviceerror.PermissionDenied](err)
	_, unknown := errors.AsType[*serviceerror.Unimplemented](err)
	return denied || unknown
}

func cloudCommands(namespace string) []string {
	wanted := workflows.SearchAttributes()
	var list []string
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		list = append(list, fmt.Sprintf("tcld namespace search-attributes add --namespace %s --sa %q", namespace, name+"="+wanted[name].String()))
	}
	return list
}

// SetUp registers the search attributes that are missing in the runs' namespace; see Register.
func (r *Runs) SetUp(ctx context.Context) (SetUp, error) {
	return Register(ctx, r.client, r.config.Namespace)
}
