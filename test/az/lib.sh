# What the suites are written with. Sourced by run.sh.
passed=0
failed=0
hub_pid=

say() { printf '\n== %s\n' "$*"; }

give_up() {
	echo "cannot run: $*" >&2
	exit 2
}

need() {
	[ -n "${!1:-}" ] || give_up "set $1: $2 (see test/az/README.md)"
}

bench() { FAIRLEAD_TEST_CACHE=${FAIRLEAD_TEST_CACHE:-$cache} "$work/bench" "$@"; }

start_cluster() {
	cache=${XDG_CACHE_HOME:-/root/.cache}
	go_home=${GO_HOME:-/root}
	HOME=$go_home go build -o "$work/bench" ./test/cluster || give_up "the test bench does not build"
	HOME=$go_home bench up --name "$cluster" >"$work/kubeconfig.path" || give_up "there is no cluster"
	cp "$(cat "$work/kubeconfig.path")" "$work/kubeconfig"
	export KUBECONFIG=$work/kubeconfig
	address=$(bench status --name "$cluster" | awk 'NR == 2 { print $NF }')
}

# kube runs kubectl outside of az.
kube() { "${KUBECTL:-kubectl}" --kubeconfig "$work/kubeconfig" "$@"; }

# helm_values prints the release of the agents, one value a line.
helm_values() { kube get secret -n azure-arc-release -l owner=helm,name=azure-arc,status=deployed -o jsonpath='{.items[0].data.release}' | base64 -d | base64 -d | gzip -d | tr ',' '\n'; }

# start_hub BINARY starts a hub on the data of the one before it.
start_hub() {
	"$1" hub --data "$work/hub" --listen "$address:443" --url "https://$DOMAIN" --domain "$DOMAIN" --az-login "$AZ_FLAVOUR" \
		--admin-credential-file "$work/admin.json" >>"$work/hub.log" 2>&1 &
	hub_pid=$!
	for _ in $(seq 300); do
		curl -s -o /dev/null --cacert "$work/hub/ca.crt" --resolve "$DOMAIN:443:$address" "https://$DOMAIN/readyz" && return
		kill -0 "$hub_pid" 2>/dev/null || break
		sleep 0.2
	done
	tail -20 "$work/hub.log" >&2
	give_up "the hub does not start"
}

stop_hub() {
	[ -n "$hub_pid" ] && kill "$hub_pid" 2>/dev/null && wait "$hub_pid" 2>/dev/null
	hub_pid=
}

names() { printf '%s\n' "$DOMAIN" "arm.$DOMAIN" "login.arc.$DOMAIN" "graph.$DOMAIN" "dp.$DOMAIN" "his.$DOMAIN" "gns.$DOMAIN" "registry.$DOMAIN" "mcr.microsoft.$DOMAIN"; }

# trust_hub makes the hub's names and authority known to az, to the node and to pods.
trust_hub() {
	cp "$work/hub/ca.crt" "$work/ca.crt"
	chmod a+r "$work/ca.crt"
	export REQUESTS_CA_BUNDLE=$work/ca.crt SSL_CERT_FILE=$work/ca.crt
	names | sed "s/.*/$address & # $cluster/" >>"$AZ_HOSTS"
	# shellcheck disable=SC2046
	bench trust --name "$cluster" "registry.$DOMAIN" "$work/ca.crt" $(names) || give_up "the node does not trust the hub"
	app=$(field appId) secret=$(field secret) tenant=$(field tenantId)
}

field() { sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p" "$work/admin.json"; }

clean() {
	stop_hub
	grep -v " # $cluster\$" "$AZ_HOSTS" >"$work/hosts" && cat "$work/hosts" >"$AZ_HOSTS"
	[ -x "$work/bench" ] && bench down --name "$cluster" 2>/dev/null
	if [ -n "${KEEP:-}" ]; then echo "kept: $work"; else rm -rf "$work"; fi
}

result() {
	if [ "$1" = 0 ]; then
		passed=$((passed + 1))
		printf 'ok    %s (%ss)\n' "$2" "$SECONDS"
		return
	fi
	failed=$((failed + 1))
	printf 'FAIL  %s (%ss)\n' "$2" "$SECONDS"
	[ -s "$work/err" ] || [ -s "$work/out" ] || echo "      | (nothing was printed)"
	sed 's/^/      | /' "$work/err" "$work/out" | tail -"${LINES_OF_FAILURE:-25}"
}

# run_az runs az with what it prints in files.
run_az() {
	SECONDS=0
	# shellcheck disable=SC2086
	timeout "${STEP_TIMEOUT:-900}" $AZ "$@" >"$work/out" 2>"$work/err" </dev/null
}

# seen PATTERN looks for it in what az printed; an empty one asks for nothing.
seen() { [ -z "$1" ] || grep -Eq -- "$1" "$work/out" "$work/err"; }

# works WHAT PATTERN ARGS... runs az, which must succeed and print the pattern.
works() {
	local what=$1 pattern=$2
	shift 2
	run_az "$@" && seen "$pattern"
	result $? "$what"
}

# refuses WHAT PATTERN ARGS... runs az, which must fail and say the pattern.
refuses() {
	local what=$1 pattern=$2
	shift 2
	! run_az "$@" && seen "$pattern"
	result $? "$what"
}

# holds WHAT PATTERN COMMAND... runs another command, which must succeed and print the pattern.
holds() {
	local what=$1 pattern=$2
	shift 2
	SECONDS=0
	"$@" >"$work/out" 2>"$work/err" && grep -Eq -- "$pattern" "$work/out"
	result $? "$what"
}

# comes WHAT PATTERN COMMAND... is holds for what takes a moment.
comes() {
	local what=$1 pattern=$2 tries
	shift 2
	SECONDS=0
	for tries in $(seq 60); do
		"$@" >"$work/out" 2>"$work/err" && grep -Eq -- "$pattern" "$work/out" && break
		sleep 1
	done
	[ "$tries" -lt 60 ]
	result $? "$what"
}
