// How the HTML report looks: the reader's own fonts, light or dark as the machine is, tables that scroll by themselves on a small screen.

export const STYLE = `:root { color-scheme: light dark; --line: #d5d9de; --soft: #f4f5f7; --good: #1a7f37; --bad: #b42318; --warning: #9a6700; --unknown: #57606a; --mark: #ffe6a3; }
@media (prefers-color-scheme: dark) { :root { --line: #3b424b; --soft: #20252c; --good: #4ac26b; --bad: #ff7b72; --warning: #d4a72c; --unknown: #9ea7b3; --mark: #5c4400; } }
body { margin: 0; font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 72rem; margin: 0 auto; padding: 1.5rem; }
header { border-left: .4rem solid var(--unknown); padding: .2rem 0 .2rem 1rem; }
header.good { border-color: var(--good); } header.bad { border-color: var(--bad); } header.warning { border-color: var(--warning); }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; overflow-wrap: anywhere; }
header p { margin: .4rem 0 0; color: var(--unknown); overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem; border-bottom: 1px solid var(--line); }
th { font-weight: 600; background: var(--soft); white-space: nowrap; }
.number { text-align: right; white-space: nowrap; }
td { overflow-wrap: break-word; max-width: 24rem; } td.value, code { font-family: ui-monospace, monospace; font-size: .92em; }
td.value { white-space: pre-wrap; overflow-wrap: anywhere; min-width: 8rem; max-width: none; } mark { background: var(--mark); color: inherit; }
td.good, td.bad, td.warning, td.unknown { white-space: nowrap; font-weight: 600; }
.good { color: var(--good); } .bad { color: var(--bad); } .warning { color: var(--warning); } .unknown { color: var(--unknown); }
.class { font-weight: 600; white-space: nowrap; } ul { padding-left: 1.2rem; } li { overflow-wrap: anywhere; }
code { background: var(--soft); padding: .15rem .35rem; overflow-wrap: anywhere; }
@media print { main { max-width: none; padding: 0; } .wide { overflow: visible; } }
`;
