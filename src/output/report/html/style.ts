/** Colours by light; contrasts are at least 4.5 to 1 on every ground they stand on. */
const LIGHT = `--bg:#fff;--fg:#1b1f24;--muted:#555e68;--line:#cfd6dd;--card:#f5f7f9;--link:#0a51a8;--bad:#b01e16;--bad-bg:#fdeceb;--warn:#774800;--warn-bg:#fff3d1;--info:#1c4c82;--info-bg:#e7f0fa;--good:#17642e;--bar:#3a76c2;--bar-bad:#c6352a;--mark:#ffe066;--mark-fg:#1b1f24;color-scheme:light`;
const DARK = `--bg:#14181d;--fg:#e4e8ec;--muted:#a5afba;--line:#3a434e;--card:#1c2229;--link:#8ab8ff;--bad:#ff9d95;--bad-bg:#3a1d1c;--warn:#f2c879;--warn-bg:#33290f;--info:#9fc8ff;--info-bg:#18283c;--good:#86d69a;--bar:#6aa6f0;--bar-bad:#ff7d73;--mark:#6b5900;--mark-fg:#fff;color-scheme:dark`;

/** The style sheet of the page. Its theme follows the system until the reader chooses one; paper is always light. */
export const STYLE = `
:root{${LIGHT}}
@media screen and (prefers-color-scheme:dark){:root:not([data-theme=light]){${DARK}}}
@media screen{:root[data-theme=dark]{${DARK}}}
*{box-sizing:border-box}
[hidden]{display:none!important}
html{scroll-padding-top:1rem}
body{margin:0;background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif;overflow-wrap:anywhere}
code,pre,.time,.k,.fields td:first-child,.fields th[scope=row]{font-family:ui-monospace,SFMono-Regular,Consolas,"DejaVu Sans Mono",monospace;font-size:.92em}
a{color:var(--link)}
a:focus-visible,summary:focus-visible,button:focus-visible,input:focus-visible,[tabindex]:focus-visible{outline:3px solid var(--link);outline-offset:2px}
.skip{position:absolute;left:-999em;background:var(--bg);padding:.5rem 1rem;z-index:9}
.skip:focus{left:.5rem;top:.5rem}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
body>header,body>footer{padding:1.25rem clamp(1rem,3vw,2.5rem)}
body>header{border-bottom:1px solid var(--line);display:flex;flex-wrap:wrap;gap:.5rem 2rem;align-items:center;justify-content:space-between}
body>footer{border-top:1px solid var(--line);color:var(--muted)}
h1{font-size:1.5rem;line-height:1.25;margin:0}
h2{font-size:1.3rem;margin:0 0 .75rem;padding-bottom:.3rem;border-bottom:2px solid var(--line)}
h3{font-size:1.08rem;margin:1.75rem 0 .6rem}
.inside h3{font-size:.95rem;margin:1.1rem 0 .2rem}
.sub{margin:.2rem 0 0;color:var(--muted)}
.tools{display:flex;gap:.5rem;flex-wrap:wrap}
button{font:inherit;color:var(--fg);background:var(--card);border:1px solid var(--muted);border-radius:6px;padding:.3rem .75rem;cursor:pointer}
.page{display:grid;grid-template-columns:minmax(0,1fr);gap:0 2rem;padding:0 clamp(1rem,3vw,2.5rem)}
nav{padding:1rem 0 0}
nav ul{list-style:none;margin:0;padding:0;display:flex;flex-wrap:wrap;gap:.25rem .9rem}
nav li ul{display:none}
main>section{padding:1.5rem 0 1rem}
main{min-width:0}
@media (min-width:1000px){
.page{grid-template-columns:12.5rem minmax(0,1fr)}
nav{position:sticky;top:0;align-self:start;max-height:100vh;overflow:auto;padding:1.5rem 0}
nav ul{display:block}nav li{margin:.3rem 0}nav li ul{display:block;padding-left:.9rem;font-size:.92em}
}
.why,.left,.where,.unshown,.unread{color:var(--muted)}
.unshown{text-decoration:underline dotted}
.bad{color:var(--bad)}.warn{color:var(--warn)}.good,.added{color:var(--good)}.removed{color:var(--bad)}.changed{color:var(--warn)}
.count{font-weight:400;color:var(--muted)}
.badge{display:inline-block;font-size:.8rem;font-weight:600;line-height:1.3;padding:.05rem .5rem;border-radius:99px;border:1px solid currentColor;background:var(--bg)}
.badge.error{color:var(--bad)}.badge.warning{color:var(--warn)}.badge.info{color:var(--info)}
.ctl{font:600 .72em/1 ui-monospace,Consolas,"DejaVu Sans Mono",monospace;border:1px solid currentColor;border-radius:3px;padding:.05em .25em;margin:0 .1em;text-decoration:none;color:var(--warn);background:var(--bg);white-space:nowrap;unicode-bidi:isolate}
.quality ul,ul.quality,.attention{list-style:none;margin:0;padding:0;display:grid;gap:.5rem}
.quality h3,.attention{margin-top:0}
.quality li,.attention li,.whole,.calm{padding:.6rem .8rem;border-left:4px solid var(--line);background:var(--card);border-radius:0 6px 6px 0;margin:0}
.whole,.calm{border-color:var(--good);margin-bottom:.5rem}
li.error{border-color:var(--bad)!important;background:var(--bad-bg)!important}
li.warning{border-color:var(--warn)!important;background:var(--warn-bg)!important}
li.info{border-color:var(--info)!important;background:var(--info-bg)!important}
.attention li p{margin:.25rem 0 0}.attention a{font-weight:600}
.verdict{font-size:1.25rem;line-height:1.4;margin:0 0 1rem;padding:.8rem 1rem;border-left:6px solid var(--line);border-radius:0 8px 8px 0;background:var(--card)}
.verdict.error{border-color:var(--bad);background:var(--bad-bg)}.verdict.warning,.verdict.unknown{border-color:var(--warn);background:var(--warn-bg)}.verdict.good{border-color:var(--good)}.verdict.info{border-color:var(--info)}
.tiles{list-style:none;display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:.6rem;margin:1rem 0;padding:0}
.tiles li{display:flex;flex-direction:column;background:var(--card);border:1px solid var(--line);border-top:4px solid var(--line);border-radius:8px;padding:.5rem .8rem}
.tiles .name{font-size:.9rem}.tiles .big{font-size:1.9rem;line-height:1.25;font-weight:650}
.tiles .error{border-top-color:var(--bad)}.tiles .error .big{color:var(--bad)}.tiles .warning{border-top-color:var(--warn)}.tiles .warning .big{color:var(--warn)}.tiles .good{border-top-color:var(--good)}.tiles .good .big{color:var(--good)}.tiles .unknown .big{color:var(--muted)}
.advice{margin:0;padding-left:1.6rem;display:grid;gap:.5rem}.advice li{padding:.5rem .8rem;border-radius:0 6px 6px 0}.advice p{margin:.1rem 0 0;color:var(--muted)}.advice .error::marker{color:var(--bad)}.advice .warning::marker{color:var(--warn)}
.choices{display:flex;flex-wrap:wrap;gap:.4rem 1.2rem;margin:.5rem 0}.choices select{font:inherit;color:inherit;background:var(--bg);border:1px solid var(--muted);border-radius:6px;padding:.2rem .4rem;max-width:14rem}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:.6rem;margin:1.5rem 0}
.figures div{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:.6rem .8rem}
.figures dt,.figures dd{color:var(--muted);margin:0;font-size:.9rem}
.figures .big{font-size:1.5rem;line-height:1.3;font-weight:600;color:var(--fg)}
.figures .big .bad{color:var(--bad)}
.scroll{overflow:auto;max-height:85vh;border:1px solid var(--line);border-radius:8px;margin:.5rem 0}
table{border-collapse:collapse;width:100%;font-size:.92rem}
caption{text-align:left}
th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid var(--line);min-width:4.5rem;max-width:26rem}
td,thead th{overflow-wrap:break-word}td.w{overflow-wrap:anywhere}
tbody th{min-width:11rem}tbody th.n,.fields th{min-width:0}
tbody tr:last-child>*{border-bottom:0}
thead th{position:sticky;top:0;background:var(--card);white-space:nowrap;z-index:1}
tbody th{font-weight:400}
tbody tr:hover>*{background:var(--card)}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.n .why{white-space:normal}
.w{min-width:16rem;max-width:44rem}.g{min-width:5rem}
thead button{all:unset;cursor:pointer;font-weight:600}
thead button:focus-visible{outline:3px solid var(--link)}
thead [aria-sort=ascending] button::after{content:" ▲"}thead [aria-sort=descending] button::after{content:" ▼"}
td del,dd del{color:var(--muted)}ins{text-decoration:none;font-weight:600}
.filter{margin:.5rem 0}.filter input{font:inherit;color:inherit;background:var(--bg);border:1px solid var(--muted);border-radius:6px;padding:.25rem .6rem;width:min(22rem,100%)}
.filter output{color:var(--muted)}
dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.1rem 1rem;margin:.3rem 0}
dl.figures>div{display:block}
dt{color:var(--muted);max-width:18rem}dd{margin:0}
td dl{grid-template-columns:minmax(0,1fr);min-width:14rem}td dd{margin:0 0 .35rem}
.event{border:1px solid var(--line);border-left:4px solid var(--bar);border-radius:0 8px 8px 0;padding:.6rem .9rem;margin:.6rem 0}
.event.failed{border-left-color:var(--bar-bad)}
.event .what{font-weight:600;margin:0}.event .where,.event .options{margin:.1rem 0}
.chart{margin:1.25rem 0}.chart figcaption{margin-bottom:.4rem}
.drawing{display:block;max-width:100%;height:auto}
.drawing.broad{display:none}
@media (min-width:800px){.drawing.broad{display:block}.drawing.narrow{display:none}}
.drawing text{font:11.5px system-ui,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif;fill:var(--muted)}
.drawing .left,.drawing .note{text-anchor:end}.drawing .below,.drawing .value{text-anchor:middle}
.drawing .value,.rung text{fill:var(--fg)}.rung text.note{fill:var(--muted);font-size:10.5px}.rung.bad text.note{fill:var(--bad)}
.drawing .end{font-weight:600;fill:var(--fg)}
.rung a text,.rung a{fill:var(--link);text-decoration:underline}
.calls{fill:var(--bar)}.failed{fill:var(--bar-bad)}
.grid{stroke:var(--line);fill:none}.life{stroke:var(--muted);fill:none;stroke-width:2}
.ask,.answer{fill:none;stroke:var(--bar);stroke-width:1.5}.ask.many{stroke-width:3}.answer{stroke-dasharray:4 3}.ask.bad,.answer.bad{stroke:var(--bar-bad)}
.share{display:block;width:5rem;height:.7rem;margin-top:.35rem;background:var(--card);border:1px solid var(--line)}
.spark{display:block}
details>summary{cursor:pointer}
summary h3{display:inline;margin:0}
.session{border-top:1px solid var(--line);padding:.75rem 0}
.finding{margin:.4rem 0}
.tree,.tree ul{list-style:none;padding-left:1.1rem;margin:0;border-left:1px solid var(--line)}
.tree{padding-left:0;border:0}.tree li{margin:.2rem 0}.tree li>b{margin-left:1rem}
.call{border-bottom:1px solid var(--line)}
.call>summary{padding:.3rem .4rem;font-size:.94rem}.call>summary:hover{background:var(--card)}
.call .id{display:inline-block;min-width:3.2rem;font-variant-numeric:tabular-nums;color:var(--muted)}
.call.failed>summary{border-left:4px solid var(--bar-bad)}
.call .inside{padding:.2rem .4rem 1.2rem 1.2rem;scroll-margin-top:4.5rem}
.inside:focus{outline:none}
.call[open]>summary{background:var(--card);font-weight:600}
.fields th[scope=row],.fields td:first-child{white-space:nowrap}
.fields tr[data-s]{cursor:pointer}.fields tr.lit>*{background:var(--mark);color:var(--mark-fg)}.fields tr.lit .why{color:var(--mark-fg)}
.fields td:first-child button{all:unset;cursor:pointer}.fields td:first-child button:focus-visible{outline:2px solid var(--link)}
.dump{overflow:auto;max-height:26rem;background:var(--card);border:1px solid var(--line);border-radius:8px;padding:.6rem .8rem;margin:.5rem 0;line-height:1.4}
.dump mark{background:var(--mark);color:var(--mark-fg)}
${Array.from({ length: 13 }, (_, depth) => `.d${depth}{padding-left:${0.6 + depth * 0.9}rem}`).join('')}
.cards tbody tr:first-child>*{border-bottom:0}.cards .rest>td{max-width:none;padding-top:0;border-bottom:1px solid var(--line)}.cards .rest summary{color:var(--muted);font-size:.9rem}
.cards tbody:hover>tr>*{background:var(--card)}
.cards dl{grid-template-columns:repeat(auto-fill,minmax(15rem,1fr));gap:.35rem 1.5rem}.cards dl>div{break-inside:avoid}.cards dt,.cards dd{max-width:none;margin:0}
@media screen and (max-width:700px){
.cards thead{position:absolute;clip-path:inset(50%);width:1px;height:1px;overflow:hidden}
.cards tbody,.cards tbody tr{display:block}
.cards tbody{padding:.5rem .7rem;border-bottom:1px solid var(--line)}
.cards tbody tr:not(.rest)>*{display:grid;grid-template-columns:7rem minmax(0,1fr);gap:.6rem;padding:.1rem 0;border:0;max-width:none;min-width:0;text-align:left;white-space:normal}
.cards tbody tr:not(.rest)>*::before{content:attr(data-h);color:var(--muted)}
.cards tbody th{font-weight:600}
.cards td dl{min-width:0}
}
@page{margin:12mm}
@media print{
body{font-size:9.5pt}
nav,.skip,.tools,.filter,.choices{display:none!important}
.cards dl{grid-template-columns:repeat(3,minmax(0,1fr))}.cards tr:first-child{break-after:avoid}.cards tr.rest{break-inside:auto}dd{overflow-wrap:anywhere}
.page,body>header,body>footer{display:block;padding-left:0;padding-right:0}
.scroll,.dump{overflow:visible;max-height:none;border-radius:0}
table{font-size:8pt}th,td{min-width:0;padding:.15rem .3rem}.w{min-width:0}thead th{position:static;white-space:normal}
thead{display:table-header-group}tr,.event,.figures div,.rung,.attention li,.quality li{break-inside:avoid}
h2,h3,summary{break-after:avoid}
a{color:inherit;text-decoration:none}
.drawing.broad{display:block}.drawing.narrow{display:none}
details.print::details-content{content-visibility:visible;display:block;height:auto}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
}
`.trim();
